// Tests of panels that need further passes (what if, generation, similarity, the lens), of decoders, and of saved panels.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { number } from './sums.mjs';

/** The tests, with the helpers of run.mjs. */
export function panels({ fovea, root, scratch, environment, open, view, panel, settled, addressed, judged, same, check }) {
  const percent = (text) => number(text.replace(' %', '')) / 100;
  const json = async (address, path) => (await fetch(`${address}api/${path}`)).json();
  const saved = async (page, name) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.saves').getByRole('button', { name }).click()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };

  return {
    async 'deleting, replacing and restoring a word changes the embedding as in the answers of the program'() {
      const address = await view('bank.md');
      const { page, close } = await open(address, { hash: '#p=whatif' });
      await settled(page);
      same(await page.locator('[data-cosine]').innerText(), '1.0000', 'the cosine without a change');
      const word = page.getByRole('group', { name: 'Words that can be changed' }).getByRole('button', { name: 'fishermen' });
      await word.click();
      await page.getByRole('button', { name: 'Delete', exact: true }).click();
      await page.getByRole('button', { name: /^fishermen\s*, deleted/ }).waitFor();
      await page.waitForFunction(() => document.querySelector('[data-cosine]').textContent !== '1.0000');
      const { turned } = await json(address, 'without/0/9');
      const cosine = number(await page.locator('[data-cosine]').innerText());
      check(Math.abs(1 - cosine - turned) < 1e-4, `${cosine} and ${turned}`);
      const milliseconds = number((await page.locator('[data-ms]').innerText()).replace(' ms', ''));
      console.log(`     a change of ${await page.locator('table[data-sum=whatif] tbody tr').count()} words: ${milliseconds} ms`);
      const rows = await page.locator('table[data-sum=whatif] tbody tr').evaluateAll((all) => all.map((row) => [...row.querySelectorAll('th,td')].map((cell) => cell.textContent)));
      const own = rows.find(([name]) => name === 'fishermen');
      same(own[2], '–', 'a deleted word has no share');
      check(rows.slice(1).every(([, before, after, change]) => after === '–' || Math.abs(percent(after) - percent(before) - percent(change)) < 0.0011), 'a change is not the difference of both shares');
      await page.getByRole('button', { name: 'Put back' }).click();
      await page.waitForFunction(() => document.querySelector('[data-cosine]').textContent === '1.0000');
      await page.getByLabel('or put').fill('clowns');
      await page.getByLabel('or put').press('Enter');
      await page.getByRole('button', { name: /^fishermen\s*, now\s*clowns/ }).waitFor();
      await addressed(page, 'e=r9.636c6f776e73');
      await page.reload();
      await settled(page);
      check(number(await page.locator('[data-cosine]').innerText()) < 0.99, 'the change is lost after a reload');
      await judged(page, 'a changed text');
      await close();
    },

    async 'mouse and keyboard turn heads off, and the embedding turns'() {
      const address = await view('bank.md');
      const { page, close } = await open(address, { hash: '#p=whatif' });
      await settled(page);
      const head = page.getByRole('switch', { name: 'Layer 2, head 5' });
      await head.focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Space');
      same(await page.getByRole('switch', { name: 'Layer 2, head 6' }).getAttribute('aria-checked'), 'false', 'the switch');
      await page.waitForFunction(() => document.querySelector('[data-cosine]').textContent !== '1.0000');
      const { cosine } = await json(address, 'whatif/0/h2.6');
      check(Math.abs(number(await page.locator('[data-cosine]').innerText()) - cosine) < 1e-4, 'the cosine');
      await page.getByRole('button', { name: 'All heads of layer 0 off' }).click();
      same(await page.getByRole('switch', { checked: false }).count(), 13, 'switches that are off');
      await page.getByRole('button', { name: 'Undo everything' }).click();
      await page.waitForFunction(() => document.querySelector('[data-cosine]').textContent === '1.0000');
      await close();
    },

    async 'the nearest items of the file are named before and after a change'() {
      const address = await view('functions/tools.py');
      const { page, close } = await open(address, { hash: '#p=whatif&e=d1,d2' });
      await page.locator('table[data-sum=near] tbody tr').first().waitFor();
      const { neighbors } = await json(address, 'near/0/d1,d2');
      same(await page.locator('table[data-sum=near] tbody th').allInnerTexts().then((all) => all.join()), neighbors.map((own) => own.name).join(), 'neighbors');
      check(!neighbors.some((own) => own.name === 'load_config') && neighbors.some((own) => own.before !== own.after), 'they do not change');
      await close();
    },

    async 'a matrix shows its weights on a click, and the time of each part is told'() {
      const address = await view('bank.md');
      const { page, close } = await open(address, { hash: '#p=structure' });
      await page.locator('[data-stage]').first().waitFor();
      same(await page.locator('[data-stage]').evaluateAll((all) => all.map((own) => own.dataset.stage).join()), 'units,tokens,layers,embedding,shares', 'stages');
      const { parts } = await json(address, 'work/0');
      const blocks = parts.filter((own) => own.part.length === 1 && own.part[0].startsWith('Block'));
      same(blocks.length, 6, 'blocks');
      // The times of six blocks that are alike stand together.
      const [shown, sum] = [number((await page.locator('[data-time="Block 0"]').innerText()).replace(' ms', '')), blocks.reduce((total, own) => total + own.ms, 0)];
      check(Math.abs(shown - sum) < 0.06 * sum, `${shown} ms shown, ${sum} ms`);
      await page.locator('summary', { hasText: 'W_Q' }).first().click();
      await page.locator('.weights-cells canvas').waitFor();
      const part = await page.locator('.weights').getAttribute('data-weights');
      const weights = await json(address, `weights/${part}`);
      same(`${weights.rows} × ${weights.columns}`, '384 × 384', 'shape');
      same(number(await page.locator('[data-fact=largest]').innerText()).toFixed(3), weights.high.toFixed(3), 'the largest weight');
      await page.locator('.weights-cells').hover({ position: { x: 2, y: 2 } });
      check(/^\[0–3, 0–2\] = /.test(await page.locator('.weights .note').first().innerText()), await page.locator('.weights .note').first().innerText());
      await judged(page, 'weights');
      await close();
    },

    async 'the decoder is given a text on the page, and a reload keeps it'() {
      const address = await view('words.md', 'tests/fixtures/tiny-t5');
      const { page, close } = await open(address, { hash: '#p=attention&k=x' });
      await settled(page);
      const own = (await json(address, 'unit/0')).written.length;
      const rows = () => page.locator('[data-token]').count();
      const before = await rows();
      await page.getByLabel('The decoder writes').fill('hello world 我爱');
      await page.getByRole('button', { name: 'Use this text' }).click();
      await page.waitForFunction((count) => ![0, count].includes(document.querySelectorAll('[data-token]').length) && !document.querySelector('.thumb.empty'), before);
      const hex = Buffer.from('hello world 我爱').toString('hex');
      const given = (await json(address, `given/${hex}/unit/0`)).written;
      check(given.length !== own, 'as many tokens as before');
      same(await rows(), before - own + given.length, 'tokens on the page');
      await page.waitForTimeout(300);
      await page.reload();
      await settled(page);
      same(await rows(), before - own + given.length, 'tokens after a reload');
      await judged(page, 'a text for the decoder');
      await page.getByRole('button', { name: 'What the model chooses' }).click();
      await page.waitForFunction((count) => document.querySelectorAll('[data-token]').length === count, before);
      await close();
    },

    async 'the map of items can be one by UMAP, the same each time, with neighbors near each other'() {
      const address = await view('long.py');
      const { page, close } = await open(address, { hash: '#p=similarity' });
      await settled(page);
      const places = () => page.locator('.landscape circle').evaluateAll((all) => all.map((own) => [Number(own.getAttribute('cx')), Number(own.getAttribute('cy'))]));
      const select = page.locator('section[aria-label="Map of items"] select');
      const first = await places();
      await select.selectOption('umap');
      await page.locator('.landscape[data-projection=umap]').waitFor();
      const map = await places();
      check(JSON.stringify(map) !== JSON.stringify(first), 'the map is the old one');
      await select.selectOption('pca');
      await page.locator('.landscape[data-projection=pca]').waitFor();
      await select.selectOption('umap');
      await page.locator('.landscape[data-projection=umap]').waitFor();
      same(JSON.stringify(await places()), JSON.stringify(map), 'another map');
      // The nearest item by cosine is nearer on the map than most.
      const { cosines, items } = await json(address, 'similarity');
      const n = items.length;
      const values = new Float32Array(Uint8Array.from(Buffer.from(cosines, 'base64')).buffer);
      const others = (of) => Array.from({ length: n }, (_, at) => at).filter((at) => at !== of);
      const distance = (a, b) => Math.hypot(map[a][0] - map[b][0], map[a][1] - map[b][1]);
      const ranks = map.map((_, a) => {
        const nearest = others(a).reduce((best, at) => (values[a * n + at] > values[a * n + best] ? at : best));
        return others(a).filter((at) => distance(a, at) < distance(a, nearest)).length / n;
      });
      const mean = ranks.reduce((total, own) => total + own, 0) / n;
      check(mean < 0.25, `nearest items have a mean rank of ${mean}`);
      await close();
    },

    async 'a question is answered from the text, before and after a change'() {
      const address = await view('words.md', 'tests/fixtures/tiny-answers');
      const { page, close } = await open(address, { hash: '#p=whatif' });
      await settled(page);
      await page.getByLabel('Ask the text').fill('what the config');
      await page.getByRole('button', { name: 'Ask', exact: true }).click();
      await page.locator('[data-spot=after]').waitFor();
      const { before } = await json(address, `answer/0/-/${Buffer.from('what the config').toString('hex')}`);
      const shown = await page.locator('[data-spot=before]').innerText();
      check(shown.includes('world') && shown.includes(`${(100 * before.probability).toFixed(1)} %`), shown);
      check(before.none === shown.includes('has no answer'), 'whether it has an answer');
      same((await page.locator('[data-spot=after]').innerText()).replace('after', 'before'), shown, 'nothing has changed');
      await page.getByRole('group', { name: 'Words that can be changed' }).getByRole('button', { name: 'hello' }).click();
      await page.getByRole('button', { name: 'Delete', exact: true }).click();
      await page.waitForFunction((old) => document.querySelector('[data-spot=after]') && document.querySelector('[data-spot=after]').innerText.replace('after', 'before') !== old, shown);
      await judged(page, 'a question');
      await close();
    },

    async 'a method that takes many passes is computed once it is chosen'() {
      const address = await view('bank.md');
      const { page, close } = await open(address, { hash: '#p=salience' });
      await settled(page);
      await page.getByLabel('Beside it').selectOption('lime');
      await page.waitForFunction(() => !document.querySelector('#panel [role=status]') && document.querySelector('section[aria-label="Salience by lime"] .colored, section[aria-label="Salience by lime"] .num'));
      const { words } = await json(address, 'scores/0/lime');
      const rows = await page.locator('table.words tbody tr').evaluateAll((all) => all.map((row) => [...row.querySelectorAll('th,td')].map((cell) => cell.textContent)));
      const most = Math.max(...words);
      check(rows.some((cells) => Math.abs(percent(cells[3]) - most) < 0.0006), `${most} is not in the table`);
      await close();
    },

    async 'heads are measured at brackets and behind repeated tokens where a text has them'() {
      const { page, close } = await open(await view('functions/tools.py'), { hash: '#p=attention' });
      await settled(page);
      check((await page.locator('.roles dt').allInnerTexts()).includes('bracket’s partner'), 'no partner of brackets');
      await page.getByLabel('Order').selectOption('partner');
      const shares = (await page.locator('.thumb-note b').allInnerTexts()).map((text) => number(text.replace(' %', '')));
      check(shares.length === 72 && shares.every((share, at) => at === 0 || share <= shares[at - 1]) && shares[0] > 0, 'heads are not in order');
      await close();
      const plain = await open(await view('words.md'), { hash: '#p=attention' });
      await settled(plain.page);
      check(!(await plain.page.locator('.roles dt').allInnerTexts()).includes('bracket’s partner'), 'a text without brackets');
      await plain.close();
    },

    async 'a masked word is predicted, and a classifier shows its classes before and after'() {
      const masked = await open(await view('bank.md', 'tests/fixtures/tiny-masked'), { hash: '#p=whatif&e=m2' });
      await masked.page.locator('table[data-sum=outputs]').waitFor();
      check((await masked.page.locator('table[data-sum=outputs] caption').innerText()).includes('mask'), 'the caption does not name the mask');
      await masked.close();
      const classes = await open(await view('bank.md', 'tests/fixtures/tiny-classifier'), { hash: '#p=whatif&e=d2' });
      await classes.page.locator('table[data-sum=outputs]').waitFor();
      const cells = await classes.page.locator('table[data-sum=outputs] tbody tr').evaluateAll((all) => all.map((row) => [...row.querySelectorAll('td')].slice(0, 2).map((cell) => cell.textContent)));
      for (const side of [0, 1]) {
        const sum = cells.reduce((total, row) => total + percent(row[side]), 0);
        check(Math.abs(sum - 1) < 0.01, `classes sum to ${sum}`);
      }
      await classes.close();
    },

    async 'a decoder writes token by token, stops, goes back, and explains each token'() {
      const address = await view('words.md', 'tests/fixtures/tiny-gpt2');
      const { page, close } = await open(address, { hash: '#p=generation' });
      await settled(page);
      const done = spawnSync(fovea, ['generate', '--prompt', 'hello world\n', '--max-tokens', '6', '--model', join(root, 'tests/fixtures/tiny-gpt2'), '--format', 'json'], { encoding: 'utf8', env: environment });
      same(done.status, 0, done.stderr);
      const expected = JSON.parse(done.stdout).tokens;
      for (let at = 0; at < 6; at++) {
        await page.getByRole('button', { name: 'One token' }).click();
        await page.locator('.written .word').nth(at).waitFor();
      }
      const shares = await page.locator('.written .word').evaluateAll((all) => all.map((token) => token.title));
      shares.forEach((title, at) => check(Math.abs(percent(title.match(/([\d.−]+ %)$/)[1]) - Math.exp(expected[at].logprob)) < 1e-4, `${title}: ${expected[at].logprob}`));
      await page.locator('.written .word').nth(2).click();
      await page.locator('[data-sum=why]').waitFor();
      const [tokens, biases, value] = (await page.locator('[data-sum=why] b').allInnerTexts()).map(number);
      check(Math.abs(tokens + biases - value) < 2e-3 * (1 + Math.abs(value)), `${tokens} + ${biases} is not ${value}`);
      await page.getByRole('button', { name: /^Why not/ }).first().click();
      await page.getByRole('heading', { name: /and not/ }).waitFor();
      await judged(page, 'generation');
      const other = page.getByRole('button', { name: /^Write/ }).first();
      await other.click();
      same(await page.locator('.written .word').count(), 3, 'number of tokens after another one was chosen');
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByRole('button', { name: 'Stop' }).click();
      const count = await page.locator('.written .word').count();
      await page.waitForTimeout(300);
      check((await page.locator('.written .word').count()) <= count + 1, 'generation continues after Stop');
      await close();
    },

    async 'each panel works for a decoder or says why it does not'() {
      const { page, close } = await open(await view('words.md', 'tests/fixtures/tiny-gpt2'), { hash: '#p=layers&t=1' });
      await settled(page);
      await page.locator('table[data-sum=lens] tbody tr').first().waitFor();
      same(await page.locator('table[data-sum=lens] tbody tr').count(), 4, 'embedding and three layers');
      const ranks = await page.locator('table[data-sum=lens] tbody tr').evaluateAll((all) => all.map((row) => row.children[row.children.length - 2].textContent));
      same(ranks.at(-1), '1', 'the rank in the last layer equals the model\'s');
      await page.goto(page.url().replace('p=layers', 'p=attention'));
      await page.reload();
      await settled(page);
      await close();
      const other = await open(await view('bank.md'), { hash: '#p=generation' });
      check((await other.page.locator('#panel').innerText()).includes('writes no texts'), 'the panel does not say why nothing is generated');
      await panel(other.page, 'Layers');
      check((await other.page.locator('#panel').innerText()).includes('no head that names tokens'), 'the panel does not say why there is no lens');
      await panel(other.page, 'Similarity');
      check((await other.page.locator('#panel').innerText()).includes('similarity needs two'), 'the panel does not say why nothing is compared');
      await other.close();
    },

    async 'an encoder–decoder shows both texts, and the decoder attends to the text of the encoder'() {
      const address = await view('words.md', 'tests/fixtures/tiny-t5', ['--target', '我爱 hello']);
      const { page, close } = await open(address, { hash: '#p=attention&k=x&l=1&h=2&t=2&s=3' });
      await settled(page);
      const { tokens, written } = await json(address, 'unit/0');
      same(await page.locator('.arcs [data-token^=f]').count(), written.length, 'attending tokens');
      same(await page.locator('.arcs [data-token^=t]').count(), tokens.length, 'attended tokens');
      const maps = new Uint16Array(await (await fetch(`${address}api/attention/0/x/1`)).arrayBuffer());
      const share = maps[(2 * written.length + 2) * tokens.length + 3] / 65535;
      check(Math.abs(percent((await page.locator('.map-said').innerText()).match(/([\d.−e]+ %)$/)[1]) - share) < 1e-4, 'the chosen cell');
      await judged(page, 'cross attention');
      await page.locator('.glance select').first().selectOption('d');
      await settled(page);
      same(await page.locator('.arcs .token').count(), written.length, 'tokens of the decoder');
      await panel(page, 'Step by step');
      same(await page.locator('[data-step="Scores and softmax"]').count(), 2, 'number of attention steps in a layer of the decoder');
      await judged(page, 'a layer of the decoder');
      for (const title of ['Salience', 'Layers', 'What if', 'Generation', 'Structure']) {
        await panel(page, title);
      }
      await close();
    },

    async 'items have the numbers of fovea compare and fovea similar, and their words are aligned'() {
      const address = await view('functions/tools.py');
      const { page, close } = await open(address, { hash: '#p=similarity&i=0&o=1' });
      await settled(page);
      const file = join(scratch, 'functions/tools.py');
      const run = (args) => {
        const done = spawnSync(fovea, args, { encoding: 'utf8', env: environment });
        same(done.status, 0, done.stderr);
        return JSON.parse(done.stdout);
      };
      const compared = run(['compare', `${file}:1`, `${file}:8`, '--no-pairs', '--format', 'json']);
      const shown = number((await page.locator('[data-pair]').innerText()).match(/: ([\d.−e]+)$/)[1]);
      check(Math.abs(shown - compared.cosine) < 1e-3, `${shown} here, ${compared.cosine} by compare`);
      check(Math.abs(number(await page.locator('#panel .figure [data-cosine]').innerText()) - compared.cosine) < 1e-3, 'the pair');
      const [{ similar }] = run(['similar', `${file}:1`, '--root', join(scratch, 'functions'), '--threshold', '-1', '--format', 'json']);
      await page.getByLabel('Measure').selectOption('centered');
      const neighbors = await page.locator('.neighbors li').evaluateAll((all) => all.map((row) => [row.querySelector('button').textContent, row.lastChild.textContent]));
      for (const [name, score] of neighbors) {
        const same = similar.find((own) => own.item?.name === name || own.name === name);
        check(same && Math.abs(number(score) - same.score) < 5e-3, `${name}: ${score} here, ${same?.score} by similar`);
      }
      check(neighbors.length >= 3, 'neighbors');
      await page.getByRole('group', { name: /^load_config, colored/ }).getByRole('button', { name: 'Reads' }).click();
      check((await page.getByRole('region', { name: 'The pair' }).innerText()).includes('corresponds to'), 'no corresponding words are named');
      await page.locator('.map-cells').focus();
      await page.keyboard.press('ArrowRight');
      await settled(page);
      check((await page.locator('[data-pair]').innerText()).includes('read_user'), 'the keyboard does not move the selection');
      await judged(page, 'similarity');
      await close();
    },

    async 'every panel is saved as PNG, SVG, CSV and JSON'() {
      const { page, close } = await open(await view('functions/tools.py'));
      for (const title of ['Attention', 'Step by step', 'Salience', 'Layers', 'What if', 'Similarity', 'Structure']) {
        await panel(page, title);
        const png = await saved(page, 'as PNG');
        check(png.name.endsWith('.png') && png.bytes.subarray(1, 4).toString() === 'PNG' && png.bytes.length > 5000, `${title}: ${png.bytes.length} bytes of PNG`);
        const svg = await saved(page, 'as SVG');
        check(svg.bytes.toString().startsWith('<svg xmlns') && !svg.bytes.toString().includes('<script'), `${title} as SVG`);
        const csv = await saved(page, 'as CSV');
        check(csv.name.endsWith('.csv') && csv.bytes.toString().split('\r\n').length > 2, `${title} as CSV`);
        const own = await saved(page, 'as JSON');
        check(typeof JSON.parse(own.bytes.toString()) === 'object', `${title} as JSON`);
      }
      await close();
    },

    async 'the tour is in Chinese if the browser is, and in English on request'() {
      const { page, close } = await open(await view('chinese.txt'), { locale: 'zh-CN' });
      await settled(page);
      await page.getByRole('button', { name: 'What is attention?' }).click();
      const tour = page.getByRole('complementary');
      check((await tour.innerText()).includes('词变成一行数字'), 'the tour is not in Chinese');
      same(await tour.getAttribute('lang'), 'zh-Hans', 'its language');
      await judged(page, 'the tour in Chinese');
      await tour.getByRole('button', { name: 'English' }).click();
      check((await tour.innerText()).includes('Words become rows of numbers'), 'the tour is not in English');
      await tour.getByRole('button', { name: '中文' }).click();
      for (let at = 1; at < 6; at++) {
        await tour.getByRole('button', { name: '下一页' }).click();
      }
      await tour.getByRole('button', { name: '完成' }).click();
      same(await tour.count(), 0, 'number of tours at the end');
      await close();
    },
  };
}
