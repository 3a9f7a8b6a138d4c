/** The connection to the server: starts, watches and restarts it. */
import * as vscode from 'vscode';
import {
  CloseAction,
  DidChangeConfigurationNotification,
  type DynamicFeature,
  ErrorAction,
  type ErrorHandler,
  ExecuteCommandRequest,
  type LanguageClientOptions,
  LanguageClient,
  type Middleware,
  State,
  type StaticFeature,
  WorkDoneProgress,
  type WorkDoneProgressBegin,
  type WorkDoneProgressReport,
} from 'vscode-languageclient/node';

import { NoProgram, program } from './binary';
import { guard, SELECTOR } from './documents';
import type { HeatParams, StatusParams } from './protocol';
import { section } from './settings';

/** The commands that links in Fovea's hovers may run. */
export const HOVER_COMMANDS = ['fovea.goTo', 'fovea.compareItems', 'fovea.why', 'fovea.trust', 'fovea.hideHovers'];

/** The extensions of LSP that this client supports. */
const EXTRAS = { heat: true, heatChanges: true, status: true, drawsOn: true, commandLinks: true };

/** The version of Fovea's messages (docs/protocol.md). */
const PROTOCOL = 1;

/** A server that ends more often than this within [`SPELL`] is not restarted automatically. */
const MOST_ENDS = 5;
const ENDED = `The server ended ${MOST_ENDS + 1} times within three minutes and is not started again.`;
/** Milliseconds. */
const SPELL = 3 * 60 * 1000;

/** The state of the server's process, beside the status that it reports. */
export type Life = 'starting' | 'running' | 'stopped' | 'broken';

export interface Listeners {
  heat(params: HeatParams): void;
  status(params: StatusParams): void;
  /** `reason` if it is broken. */
  life(life: Life, reason?: string): void;
}

/** A client that registers no commands: the extension does, because they exist before the server and ask the user for arguments. */
class Client extends LanguageClient {
  override registerFeature(feature: StaticFeature | DynamicFeature<unknown>): void {
    if ('registrationType' in feature && feature.registrationType.method === ExecuteCommandRequest.method) {
      return;
    }
    super.registerFeature(feature);
  }
}

export class Server implements vscode.Disposable {
  private client: Client | undefined;
  /** Serializes starts and stops. */
  private turn: Promise<void> = Promise.resolve();
  private readonly ends: number[] = [];
  /** Whether the program has answered as a server since the last manual start. */
  private spoke = false;
  /** What the handler of ends decided during the current start; undefined if it saw none. */
  private decided: CloseAction | undefined;
  private works = 0;

  constructor(
    private readonly context: vscode.ExtensionContext,
    readonly output: vscode.LogOutputChannel,
    private readonly listeners: Listeners,
    private readonly middleware: Middleware,
  ) {}

  get running(): boolean {
    return this.client?.state === State.Running;
  }

  /** The version of the running server. */
  get version(): string | undefined {
    return this.client?.initializeResult?.serverInfo?.version;
  }

  /** Starts the server; the user gets one message with advice if that fails. */
  start(): Promise<void> {
    return this.inTurn(() => this.startNow());
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.stopNow());
  }

  restart(): Promise<void> {
    return this.inTurn(async () => {
      await this.stopNow();
      await this.startNow();
    });
  }

  /** Waits until the server runs; undefined if it does not. */
  async ready(): Promise<LanguageClient | undefined> {
    await this.turn;
    return this.running ? this.client : undefined;
  }

  /**
   * Runs one of the server's commands.
   *
   * @throws the server's error if it refuses.
   */
  async execute<T>(command: string, args: unknown[], token?: vscode.CancellationToken): Promise<T> {
    return this.request<T>(ExecuteCommandRequest.method, { command, arguments: args }, token);
  }

  /**
   * Like `execute`, and passes on the progress that the server reports.
   *
   * @throws CancellationError if `token` was canceled.
   */
  async executeReporting<T>(
    command: string,
    args: unknown[],
    token: vscode.CancellationToken,
    report: (progress: WorkDoneProgressBegin | WorkDoneProgressReport) => void,
  ): Promise<T> {
    const client = await this.ready();
    const workDoneToken = `fovea-work-${(this.works += 1)}`;
    const listener = client?.onProgress(WorkDoneProgress.type, workDoneToken, (progress) => {
      if (progress.kind !== 'end') {
        report(progress);
      }
    });
    try {
      return await this.request<T>(ExecuteCommandRequest.method, { command, arguments: args, workDoneToken }, token);
    } catch (error) {
      throw token.isCancellationRequested ? new vscode.CancellationError() : error;
    } finally {
      listener?.dispose();
    }
  }

  async request<T>(method: string, params: unknown, token?: vscode.CancellationToken): Promise<T> {
    const client = await this.ready();
    if (!client) {
      throw new Error('the server is not running');
    }
    return token ? client.sendRequest<T>(method, params, token) : client.sendRequest<T>(method, params);
  }

  notify(method: string, params: unknown): void {
    if (this.running) {
      void this.client?.sendNotification(method, params).catch(() => undefined);
    }
  }

  dispose(): void {
    void this.stop();
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(step, step);
    return this.turn;
  }

  private become(life: Life, reason?: string): void {
    this.listeners.life(life, reason);
  }

  /** `again`: the server ended before; such ends are counted. */
  private async startNow(again = false): Promise<void> {
    if (this.client) {
      return;
    }
    this.become('starting');
    if (!again) {
      this.spoke = false;
      this.ends.length = 0;
    }
    this.decided = undefined;
    try {
      const command = await program(this.context);
      const client = new Client('fovea', 'Fovea', { command, args: ['serve'] }, this.options(command));
      this.client = client;
      client.registerFeature({
        fillClientCapabilities: (capabilities) => {
          capabilities.experimental = { ...capabilities.experimental, fovea: EXTRAS };
        },
        initialize: () => undefined,
        getState: () => ({ kind: 'static' }),
        clear: () => undefined,
      });
      client.onNotification('fovea/heat', (params: HeatParams) => this.listeners.heat(params));
      client.onNotification('fovea/status', (params: StatusParams) => this.listeners.status(params));
      client.onDidChangeState((event) => {
        if (event.newState === State.Running) {
          this.spoke = true;
          this.become('running');
        } else if (event.newState !== State.Starting) {
          setImmediate(() => this.revive(client));
        }
      });
      await client.start();
      const spoken = (client.initializeResult?.capabilities.experimental as { fovea?: { protocol?: number } } | undefined)?.fovea?.protocol;
      if (!(spoken !== undefined && spoken >= PROTOCOL)) {
        throw new NoProgram(tooOld(command, client.initializeResult?.serverInfo?.version));
      }
    } catch (error) {
      const gone = this.spoke && this.client !== undefined && !(error instanceof NoProgram);
      await this.drop();
      if (!gone) {
        return this.fail(error instanceof NoProgram ? error.message : this.unspoken(error));
      }
      // The handler of ends may have seen this one: then it is counted, and told if it was one too many.
      if (this.decided === undefined ? this.mayStartAgain() : this.decided === CloseAction.Restart) {
        return this.startNow(true);
      }
      if (this.decided === undefined) {
        this.fail(ENDED);
      }
    }
  }

  /** Restarts a server that ends during initialization, because the client does not. */
  private revive(client: Client): void {
    const over = client.state === State.Stopped || client.state === State.StartFailed;
    if (over && this.client === client && this.spoke) {
      void this.inTurn(async () => {
        if (this.client === client) {
          await this.drop();
          await this.startNow(true);
        }
      });
    }
  }

  /** Counts an end; returns whether a restart is allowed. */
  private mayStartAgain(): boolean {
    const now = Date.now();
    this.ends.push(now);
    return this.ends.filter((end) => now - end <= SPELL).length <= MOST_ENDS;
  }

  private async stopNow(): Promise<void> {
    await this.drop();
    this.become('stopped');
  }

  private async drop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    // Stopping a client that never started fails.
    await client?.dispose().catch(() => undefined);
  }

  private options(command: string): LanguageClientOptions {
    return {
      documentSelector: SELECTOR,
      outputChannel: this.output,
      initializationOptions: section,
      middleware: { ...guard(() => this.running), ...this.middleware, workspace: this.settings },
      errorHandler: this.errorHandler(command),
      initializationFailedHandler: () => false,
      markdown: { isTrusted: { enabledCommands: HOVER_COMMANDS }, supportHtml: false },
      progressOnInitialization: false,
    };
  }

  /** Sends the settings of `section` in every way that they can reach the server. */
  private readonly settings: NonNullable<Middleware['workspace']> = {
    configuration: ({ items }) => items.map((item) => (item.section === 'fovea' ? section() : null)),
    didChangeConfiguration: async () => {
      // A server that is starting or has ended gets the settings at its start.
      if (this.running) {
        await this.client?.sendNotification(DidChangeConfigurationNotification.method, { settings: { fovea: section() } }).catch(() => undefined);
      }
    },
  };

  private errorHandler(command: string): ErrorHandler {
    return {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        if (!this.spoke) {
          return { action: CloseAction.DoNotRestart, handled: true, message: `${command} ended before it said anything` };
        }
        this.decided = this.mayStartAgain() ? CloseAction.Restart : CloseAction.DoNotRestart;
        if (this.decided === CloseAction.Restart) {
          this.become('starting');
          return { action: this.decided, handled: true, message: 'The server ended; it is started again.' };
        }
        // The client releases the server itself after this handler.
        setImmediate(() => void this.drop());
        this.fail(ENDED);
        return { action: this.decided, handled: true };
      },
    };
  }

  private unspoken(error: unknown): string {
    const what = error instanceof Error ? error.message : String(error);
    return `The server did not start (${what}). The setting fovea.server.path should name the program fovea, or be empty.`;
  }

  private fail(reason: string): void {
    this.become('broken', reason);
    this.output.error(reason);
    const [restart, settings, log] = ['Restart', 'Open Setting', 'Show Log'] as const;
    const choices = reason.includes('fovea.server.path') ? [restart, settings, log] : [restart, log];
    void vscode.window.showErrorMessage(`Fovea: ${reason}`, ...choices).then((choice) => {
      if (choice === restart) {
        void this.restart();
      } else if (choice === settings) {
        void vscode.commands.executeCommand('workbench.action.openSettings', 'fovea.server.path');
      } else if (choice === log) {
        this.output.show();
      }
    });
  }
}

function tooOld(command: string, version?: string): string {
  return (
    `${command} (${version ? `version ${version}` : 'of an unknown version'}) is too old for this extension. ` +
    'Update that program, or empty the setting fovea.server.path to use the one that came with the extension.'
  );
}
