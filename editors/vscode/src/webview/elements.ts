/** Elements made of text: nothing of a document is ever read as markup. */

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

/** 0.1234 → "12.3 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** 0.1234 → "+0.123". */
export function signed(value: number, digits = 3): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;
}

/** Says something to those who listen instead of looking. */
export function say(text: string): void {
  const live = document.getElementById('live');
  if (live) {
    live.textContent = text;
  }
}

/** One of this many strengths, 0 for none: styles are in the style sheet, where themes can reach them. */
export const STRENGTHS = 10;

export function strength(value: number, most: number): number {
  return most > 0 && value > 0 ? Math.min(STRENGTHS, Math.round((value / most) * STRENGTHS)) : 0;
}

/** A bar of a share of the largest, drawn by the style sheet. */
export function bar(value: number, most: number): HTMLElement {
  const made = element('span', { class: 'bar', 'aria-hidden': 'true' });
  const inner = element('span', { class: value < 0 ? 'negative' : '' });
  inner.style.setProperty('width', `${most > 0 ? Math.min(100, (Math.abs(value) / most) * 100) : 0}%`);
  made.append(inner);
  return made;
}
