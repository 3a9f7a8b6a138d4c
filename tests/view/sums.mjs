// Computes the steps of the page again from its text.

/** Parses a number of the page. */
export function number(text) {
  const plain = text.replace(/−/g, '-').replace(/[()\s]/g, '');
  const value = Number(plain);
  if (plain === '' || Number.isNaN(value)) {
    throw new Error(`${JSON.stringify(text)} is not a number`);
  }
  return value;
}

/** Half of the last of five significant digits. */
const digits = (value) => Math.abs(value) * 5e-5 + 1e-9;

/** The tolerance of the model's number, because it multiplies some matrices in 16-bit integers. */
const ROUNDED = 2e-3;

function near(found, expected, room, what) {
  if (!(Math.abs(found - expected) <= room)) {
    throw new Error(`${what}: ${found} is not ${expected}, to ${room}`);
  }
}

/** The cells of a table's body, as text. */
async function cells(table) {
  return table.locator('tbody tr').evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
}

async function totals(table) {
  return (await table.locator('tfoot .total').allInnerTexts()).map(number);
}

/** Checks tables of terms: the last column is the product of the two before it, and sums to the total. */
async function terms(table, what) {
  let [sum, room] = [0, 0];
  for (const row of await cells(table)) {
    const term = number(row.at(-1));
    if (row.at(-2) !== '') {
      const [a, b] = [number(row.at(-3)), number(row.at(-2))];
      near(a * b, term, digits(a * b) * 3, `${what}, ${row[0]}`);
    }
    sum += term;
    room += digits(term);
  }
  const all = await totals(table);
  const bias = all.length > 1 ? all[0] : 0;
  near(sum + bias, all.at(-1), room + digits(all.at(-1)) + digits(bias), `${what}: the sum`);
  const made = await table.locator('tfoot .made').allInnerTexts();
  if (made.length > 0) {
    near(all.at(-1), number(made[0]), ROUNDED * (1 + Math.abs(all.at(-1))), `${what}: the model's own number`);
  }
}

async function softmax(card) {
  const formula = await card.locator('.formula').innerText();
  const scale = number(formula.match(/× ([\d.−e-]+)/)[1]);
  const most = number((await card.locator('.note').first().innerText()).match(/largest score is ([\d.−e-]+?)\.?$/)[1]);
  const table = card.locator('table');
  const rows = await cells(table);
  const [whole, one] = await totals(table);
  let [sum, shares] = [0, 0];
  for (const row of rows) {
    const numbers = row.slice(1, -1).filter((cell) => cell !== '').map(number);
    const [exponent, share] = numbers.slice(-2);
    sum += exponent;
    shares += share;
    near(exponent / whole, share, 2e-4 * share + 1e-7, `share of ${row[0]}`);
    if (numbers.length > 2) {
      const [product, score] = [numbers[0], numbers.at(-3)];
      near(product * scale, score, 2e-4 * (1 + Math.abs(score)), `score of ${row[0]}`);
      near(Math.exp(score - most), exponent, exponent * 1e-4 * (2 + Math.abs(score) + Math.abs(most)) + 1e-6, `exponent of ${row[0]}`);
    }
  }
  near(sum, whole, 1e-3, 'sum of the exponents');
  near(shares, one, 1e-3, 'sum of the shares');
  near(one, 1, 1e-4, 'shares');
}

/** `a + b + c = d`. */
function added(text, what) {
  const [left, right] = text.slice(text.indexOf(':') + 1).split('=');
  const parts = left.match(/[−]?\d[\d.]*(?:e[−+]?\d+)?/g).map(number);
  const sum = parts.reduce((a, b) => a + b, 0);
  near(sum, number(right), parts.reduce((room, part) => room + digits(part), digits(number(right))), what);
}

function normed(text) {
  const numbers = text.slice(text.indexOf('=') + 1).split('The deviation')[0].match(/[−]?\d[\d.]*(?:e[−+]?\d+)?/g).map(number);
  const y = numbers.at(-1);
  const rms = text.startsWith('x / deviation');
  const [x, mean] = rms ? [numbers[0], 0] : numbers;
  const [deviation, scale, shift = 0] = numbers.slice(rms ? 1 : 2, -1);
  near(((x - mean) / deviation) * scale + shift, y, (digits(x) + digits(mean)) / deviation * Math.abs(scale) * 2 + digits(y) * 4 + digits(shift) * 2 + 1e-6, `norm: ${text}`);
}

async function neurons(table) {
  const rows = await cells(table);
  let sum = 0;
  for (const row of rows) {
    const numbers = row.slice(1, -1).filter((cell) => cell !== '').map(number);
    sum += numbers.at(-1);
    if (numbers.length > 2) {
      const [after, weight, adds] = numbers.slice(-3);
      near(after * weight, adds, digits(adds) * 4, `neuron ${row[0]}`);
    }
  }
  const [whole] = await totals(table);
  near(sum, whole, 1e-3 * (1 + Math.abs(whole)), 'sum of the neurons');
  near(whole, number(await table.locator('.made').innerText()), ROUNDED * (1 + Math.abs(whole)), 'the model’s own number');
}

async function heads(card) {
  const parts = (await card.locator('[data-sum=heads] .right').allInnerTexts()).map(number);
  const text = await card.locator('[data-sum=output]').innerText();
  const numbers = text.match(/[−]?\d[\d.]*(?:e[−+]?\d+)?/g).map(number);
  near(parts.reduce((a, b) => a + b, 0), numbers[0], parts.reduce((room, part) => room + digits(part), digits(numbers[0])), 'heads');
  const [sum, made] = numbers.slice(-2);
  near(numbers.slice(0, -2).reduce((a, b) => a + b, 0), sum, 1e-4, 'heads and bias');
  near(sum, made, ROUNDED * (1 + Math.abs(sum)), 'the model’s own number');
}

/** Checks every sum of the panel; returns their number. */
export async function checkSteps(page, settled, { only = null } = {}) {
  await settled(page);
  const wanted = (name) => !only || only.includes(name);
  if (!only) {
    // Opens all details, which load weights.
    await page.locator('.step details:not([open]) > summary').evaluateAll((all) => all.forEach((one) => one.click()));
    await page.waitForTimeout(50);
  }
  await settled(page);
  let count = 0;
  for (const card of await page.locator('.step').all()) {
    for (const element of await card.locator('[data-sum]').all()) {
      const kind = await element.getAttribute('data-sum');
      if (!wanted(kind)) {
        continue;
      }
      count++;
      if (kind === 'softmax') {
        await softmax(card);
      } else if (kind === 'neurons') {
        await neurons(element);
      } else if (kind === 'norm') {
        normed(await element.innerText());
      } else if (kind === 'embedding' || kind === 'residual') {
        added(await element.innerText(), kind);
      } else if (kind === 'heads') {
        await heads(card);
      } else if (kind !== 'output') {
        await terms(element, kind);
      }
    }
  }
  return count;
}
