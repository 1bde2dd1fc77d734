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

function tell(message: FromChild): void {
  process.send?.(message);
}

async function run({ contender, task }: ToChild): Promise<void> {
  try {
    const result = await doFiles(task, loadContender(contender), (progressBytes) => tell({ progressBytes }));
    tell({ result });
  } catch (error) {
    const { code = '', message } = error as Error & { code?: string };
    tell({ error: { code, message } });
  }
  process.disconnect?.();
}

process.once('message', (message) => {
  void run(message as ToChild);
});
