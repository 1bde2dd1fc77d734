import { options } from '../../../lib/options';

/** Whether the suite runs on checked pools: a Buffer that was given back has no memory there, and nothing is recycled. */
export const CHECKED = options.check;
