/** Creates elements from text: text of documents is never parsed as markup. */

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Formats 0.1234 as "12.3 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Formats 0.1234 as "+0.123". */
export function signed(value: number, digits = 3): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;
}

/** Announces a text to screen readers. */
export function say(text: string): void {
  const live = document.getElementById('live');
  if (live) {
    live.textContent = text;
  }
}

/** The strongest tone; 0 is none. Styles are in the style sheet, where themes can reach them. */
export const TONES = 3;

/** The minimum share of the largest value for each tone. */
const FROM = [0.18, 0.4, 0.7];

export function tone(value: number, most: number): number {
  const share = most > 0 ? value / most : 0;
  return FROM.filter((least) => share >= least).length;
}

/** A bar for a share of the largest value, drawn by the style sheet. */
export function bar(value: number, most: number): HTMLElement {
  const made = element('span', { class: 'bar', 'aria-hidden': 'true' });
  const inner = element('span', { class: value < 0 ? 'negative' : '' });
  inner.style.setProperty('width', `${most > 0 ? Math.min(100, (Math.abs(value) / most) * 100) : 0}%`);
  made.append(inner);
  return made;
}

/** Folded details with numbers. */
export function details(rows: [name: string, value: string][]): HTMLElement {
  const list = element('dl', {}, ...rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
  return element('details', {}, element('summary', {}, 'Details'), list);
}

/** A sentence in which names have backticks, as nodes. */
export function withCode(text: string): (Node | string)[] {
  return text.split('`').map((part, index) => (index % 2 === 1 ? element('code', {}, part) : part));
}
