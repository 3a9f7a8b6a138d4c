// Ask: a question, its answers, and their most important words.
const assert = require('node:assert/strict');
const { resolve } = require('node:path');
const vscode = require('vscode');

const { api, having, heat, open, test, until } = require('./session');

const tests = resolve(process.env.FOVEA_TEST_MEMORY, '..');

const accept = () => vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
const close = () => vscode.commands.executeCommand('workbench.action.closeQuickOpen');
const lower = (word) => word.text.toLowerCase();

exports.run = async () => {
  await test('a question leads to the statement that answers it, and each word names the word that it answers', async () => {
    await vscode.extensions.getExtension('fovea.fovea').activate();
    const { document } = await open('src/config.rs');
    await heat(document);
    const answer = await until('an answer', async () => {
      const told = await vscode.commands.executeCommand('fovea.ask', 'how is the median of numbers computed?');
      return told?.answers[0]?.name === 'median' && told;
    });
    const [best] = answer.answers;
    assert.match(best.uri, /tools\/preferences\.py$/);
    const sum = best.words.reduce((all, { score }) => all + score, best.special + best.bias);
    assert.ok(Math.abs(sum - best.value) < 0.01, `${sum} ${best.value}`);
    const word = best.words.find((each) => lower(each) === 'median');
    assert.equal(word.question, 'median');
    await until('the place', async () => {
      await accept();
      return vscode.window.activeTextEditor?.document.uri.path.endsWith('preferences.py') && !vscode.window.activeTextEditor.selection.isEmpty;
    });
    const selected = vscode.window.activeTextEditor.document.getText(vscode.window.activeTextEditor.selection);
    assert.equal(selected, best.text);
    const { uri, range, within } = best;
    const judged = await vscode.commands.executeCommand('fovea.trust', { question: 'how is the median of numbers computed?', uri, range, within });
    assert.equal(judged.target, 'answer');
    assert.match(judged.sentence, /^Removing the \w+ words that count most lowers the answer's score/);
    await vscode.commands.executeCommand('notifications.clearAll');
  });

  await test('a question about something else has no answer', async () => {
    const answer = await vscode.commands.executeCommand('fovea.ask', "Which treaty ended the Thirty Years' War?");
    assert.deepEqual(answer.answers, []);
    await vscode.commands.executeCommand('notifications.clearAll');
  });

  await test('a question can be limited to one document', async () => {
    const { document } = await open('src/config.rs');
    const asked = { question: 'which lines are comments?', uri: document.uri.toString() };
    const answer = await vscode.commands.executeCommand('fovea.ask', asked);
    assert.ok(answer.answers.length > 0);
    assert.ok(answer.answers.every(({ uri }) => uri.endsWith('config.rs')));
    await close();
  });

  await test('a model writes an answer, and each sentence leads to the passage that it draws on', async () => {
    const question = 'how is the median of numbers computed?';
    await having('model.generator', resolve(tests, '../fixtures/tiny-chat'), async () => {
      const answer = await until('a written answer', async () => {
        const told = await vscode.commands.executeCommand('fovea.answer', question);
        return told?.written && told;
      });
      const { model, sentences, passages } = answer.written;
      assert.equal(model, 'tiny-chat');
      assert.ok(sentences.length > 0);
      assert.ok(sentences.every(({ without }) => without.length === passages.length));
      const shown = api().panel();
      assert.deepEqual([shown.kind, shown.question, shown.sentences.length], ['answer', question, sentences.length]);
      assert.match(shown.passages[0].place, /preferences\.py:\d+-\d+$/);
    });
    // The built-in model finds and does not write.
    assert.equal(await vscode.commands.executeCommand('fovea.answer', question), undefined);
    await vscode.commands.executeCommand('notifications.clearAll');
  });
};
