/**
 * The process in which one contender does the work: a fresh one for each run, so that no run inherits another's heap,
 * compiled code or garbage. Started by `files-runner`; one task comes by message, progress and the result go back.
 */
import { type ContenderName, loadContender } from './contenders';
import { doFiles, type FilesResult, type FilesTask } from './files-work';

export interface ToChild {
  contender: ContenderName;
  task: FilesTask;
}

export type FromChild =
  | { progressBytes: number }
  | { result: FilesResult }
  | { error: { code: string; message: string } };

/** Of whoever is no longer there, nothing is to be told: not even that. @returns when the message is on its way. */
function tell(message: FromChild): Promise<void> {
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}

async function run({ contender, task }: ToChild): Promise<void> {
  try {
    const result = await doFiles(task, loadContender(contender), (progressBytes) => void tell({ progressBytes }));
    await tell({ result });
  } catch (error) {
    const { code = '', message } = error as Error & { code?: string };
    await tell({ error: { code, message } });
  }
  process.disconnect?.();
}

// The command has ended before its time, or has got the result: either way the work is over.
process.once('disconnect', () => process.exit());

process.once('message', (message) => {
  void run(message as ToChild);
});
