/** All workloads, in the order of the report. A case is one workload with its sizes; `module` is the file that runs it. */
import * as burst from './burst.mjs';
import * as churn from './churn.mjs';
import * as exchange from './exchange.mjs';
import * as live from './live.mjs';
import * as mixed from './mixed.mjs';
import * as trace from './trace.mjs';

const MODULES = { churn, mixed, live, burst, trace, exchange };

export const CASES = Object.entries(MODULES).flatMap(([module, { cases }]) => cases.map((one) => ({ ...one, module })));
