/** The commands by name. */
import * as vscode from 'vscode';

import type { AttentionMaps, ClassifyArgs, PredictArgs } from '../protocol';
import { answer, ask } from './ask';
import { classify, relabel } from './classify';
import { compareHere, comparePassages } from './compare';
import { asked, type Core, front } from './core';
import { explainDocument, explainSelection } from './explain';
import { compareItems, goTo, hideHovers, trust, why } from './links';
import { chooseMaps } from './maps';
import { showMenu } from './menu';
import { predict } from './predict';
import { copyReport } from './report';
import { search } from './search';
import { explainSimilarity, showSimilar } from './similar';
import { setHeat, setMethod, toggle } from './switches';

type Run = (...args: unknown[]) => unknown;

export function registerCommands(core: Core): vscode.Disposable {
  const table: Record<string, Run> = {
    'fovea.showSimilar': (given) => showSimilar(core, argument(given)),
    'fovea.explainSimilarity': (given) => explainSimilarity(core, argument(given)),
    'fovea.comparePassages': (a, b) => comparePassages(core, argument(a), argument(b)),
    'fovea.compareHere': () => compareHere(),
    'fovea.goTo': (given) => goTo(given),
    'fovea.compareItems': (given) => compareItems(core, given),
    'fovea.why': (given) => why(core, given),
    'fovea.hideHovers': () => hideHovers(),
    'fovea.showLegend': () => core.panel.showLegend(),
    'fovea.setHeat': (given) => setHeat(core, given),
    'fovea.explainSelection': (given) => explainSelection(core, argument(given)),
    'fovea.explainDocument': () => explainDocument(core),
    'fovea.trust': (given) => trust(core, given),
    'fovea.openView': () => openView(core),
    'fovea.search': (given) => search(core, typeof given === 'string' ? given : undefined),
    'fovea.ask': (given) => ask(core, question(given)),
    'fovea.answer': (given) => answer(core, question(given)),
    'fovea.classify': (given) => classify(core, atPlace<ClassifyArgs>(given)),
    'fovea.predict': (given) => predict(core, atPlace<PredictArgs>(given)),
    'fovea.relabel': (given, label) => {
      const item = atPlace<ClassifyArgs>(given);
      return item && typeof label === 'string' ? relabel(core, item, label) : classify(core, item);
    },
    'fovea.toggleHeat': (wanted) => toggle(core, 'fovea.toggleHeat', wanted === true || wanted === false ? wanted : undefined),
    'fovea.toggleHighlight': (wanted) => toggle(core, 'fovea.toggleHighlight', wanted === true || wanted === false ? wanted : undefined),
    'fovea.setMethod': (given) => setMethod(core, typeof given === 'string' ? given : undefined),
    'fovea.chooseAttention': (given) => chooseMaps(core, maps(given)),
    'fovea.pause': () => core.server.execute('fovea.pause', []),
    'fovea.resume': () => core.server.execute('fovea.resume', []),
    'fovea.updateIndex': () => core.server.execute('fovea.updateIndex', []),
    'fovea.restartServer': () => core.server.restart(),
    'fovea.showLog': () => core.server.output.show(),
    'fovea.copyReport': () => copyReport(core),
    'fovea.showMenu': () => showMenu(core),
    'fovea.openWalkthrough': () =>
      vscode.commands.executeCommand('workbench.action.openWalkthrough', `${core.context.extension.id}#fovea.start`, false),
    'fovea.openSample': () => openSample(core),
  };
  const run = (work: Run): Run => (...args) => asked(core, async () => work(...args));
  return vscode.Disposable.from(...Object.entries(table).map(([name, work]) => vscode.commands.registerCommand(name, run(work))));
}

/** Opens the page of the model for the active document. */
function openView(core: Core): void {
  const editor = front();
  if (editor) {
    core.modelView.open(editor.document);
  }
}

/** The argument of a lens or a code action; undefined for the URI that a menu passes. */
function argument<T>(given: unknown): T | undefined {
  const isOurs = typeof given === 'object' && given !== null && !(given instanceof vscode.Uri) && 'range' in given;
  return isOurs ? (given as T) : undefined;
}

/** An argument with a position: from a lens with a class, or from a key binding. */
function atPlace<T extends ClassifyArgs | PredictArgs>(given: unknown): T | undefined {
  const isOurs = typeof given === 'object' && given !== null && 'uri' in given && 'position' in given;
  return isOurs ? (given as T) : undefined;
}

/** The argument of a key binding: a question, or an object with a question. */
function question(given: unknown): Parameters<typeof ask>[1] {
  const isOurs = typeof given === 'object' && given !== null && 'question' in given && typeof given.question === 'string';
  return typeof given === 'string' ? given : isOurs ? (given as { question: string }) : undefined;
}

function maps(given: unknown): AttentionMaps | undefined {
  const isOurs = typeof given === 'object' && given !== null && !(given instanceof vscode.Uri) && ('layer' in given || 'head' in given);
  return isOurs ? (given as AttentionMaps) : undefined;
}

/** Opens the sample of the walkthrough as an untitled document. */
async function openSample(core: Core): Promise<void> {
  const file = vscode.Uri.joinPath(core.context.extensionUri, 'walkthrough', 'sample.py');
  const content = new TextDecoder().decode(await vscode.workspace.fs.readFile(file));
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content, language: 'python' }));
}
