/** Progress of longer work, with a way to cancel it. */
import * as vscode from 'vscode';

/** Milliseconds after which progress is shown; shorter work would only flicker. */
const MOMENT = 300;

interface Report {
  message?: string;
  percentage?: number;
}

/**
 * Runs some work, and shows its progress if it takes longer than [`MOMENT`].
 *
 * @throws CancellationError if the user canceled it.
 */
export async function patiently<T>(
  title: string,
  work: (token: vscode.CancellationToken, report: (progress: Report) => void) => Promise<T>,
): Promise<T> {
  const source = new vscode.CancellationTokenSource();
  let show: ((progress: Report) => void) | undefined;
  const result = work(source.token, (progress) => show?.(progress));
  const ended = result.then(
    () => true,
    () => true,
  );
  const moment = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), MOMENT));
  if (!(await Promise.race([ended, moment]))) {
    const options = { location: vscode.ProgressLocation.Notification, title: `Fovea: ${title}`, cancellable: true };
    void vscode.window.withProgress(options, async (progress, token) => {
      let told = 0;
      show = ({ message, percentage = told }) => {
        progress.report({ increment: percentage - told, ...(message === undefined ? {} : { message }) });
        told = percentage;
      };
      token.onCancellationRequested(() => source.cancel());
      await ended;
    });
  }
  try {
    return await result;
  } finally {
    source.dispose();
  }
}
