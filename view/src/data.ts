// Answers of the program. An exported page contains them; any other page asks for them through its carrier.
import { useEffect, useState } from 'preact/hooks';

import { bytes, carrier } from './carrier';
import { hex } from './edit';

export interface Unit {
  kind: string;
  name: string | null;
  language: string;
  first_line: number;
  last_line: number;
  blank: boolean;
  beginning: string;
}

export interface Document {
  version: string;
  file: string;
  language: string;
  lines: number;
  model: {
    name: string;
    architecture: string;
    layers: number;
    heads: number;
    hidden: number;
    window: number;
    vocabulary: number;
    pooling: string;
    weights: string;
  };
  abilities: string[];
  /** The decoder of an encoder–decoder; null for other models. */
  decoder: { layers: number; heads: number } | null;
  /** Whether the model can generate text. */
  writes: boolean;
  /** Whether the head of the model predicts tokens. */
  names_tokens: boolean;
  /** The task of the model's head. */
  head: 'mask' | 'next' | 'class' | 'tags' | 'span' | null;
  /** The mask token in the spelling of the vocabulary; null if it has none. */
  mask: string | null;
  head_dim: number | null;
  units: Unit[];
}

export interface Token {
  /** The text between the previous token and this one. */
  gap: string;
  piece: string;
  source: string;
  id: number;
  special: boolean;
  word: number | null;
}

export interface UnitText {
  unit: number;
  runs: { text: string; word?: number }[];
  words: number;
  tokens: Token[];
  /** The tokens of the decoder's text, for an encoder–decoder. */
  written: Token[];
  coverage: number;
  coordinate: number;
  layers: number;
  hidden: number;
}

export interface Scores {
  name: string;
  additive: boolean;
  words: number[];
  special: number;
  bias: number;
  residual: number;
  ms: number;
}

export interface Salience {
  methods: Scores[];
  /** The names of all methods, including those that take many passes. */
  all: string[];
}

/** The answer of a head for questions: its first and last word. If `none` is true, the head finds it likelier that there is no answer. */
export interface Spot {
  words: [number, number];
  probability: number;
  none: boolean;
}

export interface Answers {
  before: Spot | null;
  after: Spot | null;
  ms: number;
}

export interface Head {
  n: number;
  m: number;
  dim: number;
  heads: number;
  kv_head: number;
  scale: number;
  soft_cap: number | null;
  placed: boolean;
  positions: boolean;
  mask: string;
  seen: [number, number][];
  q: string;
  k: string;
  v: string;
  made_q: string | null;
  made_k: string | null;
  scores: string;
  probabilities: string;
  nodes: { q: number; k: number; v: number; mix: number };
}

export interface Step {
  id: number;
  op: 'input' | 'linear' | 'norm' | 'mix' | 'gate' | 'add';
  role: string;
  inputs: number[];
  width: number;
  value: string;
  biased?: boolean;
  kind?: 'layer' | 'rms';
  mean?: number;
  inverse?: number;
  epsilon?: number;
  scale?: string;
  shift?: string | null;
  theta?: string;
  activation?: string;
}

export interface Normed {
  scale: string;
  shift: string | null;
  epsilon: number;
  mean: number;
  inverse: number;
}

export interface Steps {
  layer: number;
  token: number;
  input: { id: number; value: string };
  embedding: { parts: { name: string; value: string }[]; sum: string; norm: Normed | null; normed: string; projected: boolean } | null;
  steps: Step[];
  output: number;
}

export interface Row {
  weights: string;
  bias: number;
  has_bias: boolean;
}

export interface Pool {
  coordinate: number;
  column: string;
  weights: string;
  pooled: number;
  length: number;
  pooling: string;
  projected: boolean;
}

export interface Through {
  layers: number;
  tokens: number;
  norms: string;
  drift: string;
  to_last: string;
  pooled_to_last: number[];
  shares: string;
  pooling: string;
}

export interface Without {
  word: number;
  turned: number | null;
  ms: number;
}

export interface WhatIf {
  tokens: Omit<Token, 'gap'>[];
  words: number;
  empty?: boolean;
  cosine: number;
  lengths: [number, number];
  salience: { words: number[]; special: number; bias: number; residual: number };
  outputs: { kind: 'next' | 'mask' | 'class'; rows: { name: string; before: number; after: number }[] } | null;
  ms: number;
}

export interface Near {
  neighbors: { name: string; before: number; after: number }[];
}

export interface Lens {
  token: number;
  finally: string;
  layers: { top: { id: number; text: string; probability: number }[]; probability: number; rank: number; entropy: number }[];
}

export interface Alternative {
  id: number;
  text: string;
  name: string;
  probability: number;
  ends: boolean;
}

export interface Next {
  text: string;
  next: Alternative[];
  entropy: number;
  full?: number;
  ms: number;
}

export interface Why {
  value: number;
  bias: number;
  residual: number;
  reading: string;
  writing: string;
  layers: number;
  own: string;
  cross: string | null;
  ms: number;
}

export interface Items {
  items: { name: string; kind: string; first_line: number; last_line: number }[];
  all: number;
  cosines: string;
  centered: string;
  places: string;
  shares: [number, number];
}

export interface PairSide {
  runs: { text: string; word?: number }[];
  scores: number[];
  special: number;
  bias: number;
}

export interface PairAnswer {
  cosine: number;
  residual: number;
  a: PairSide;
  b: PairSide;
  links: { a: number; b: number; cosine: number }[];
  ms: number;
}

export interface Part {
  kind: string;
  name: string;
  detail: string;
  shape?: number[];
  tensor?: string;
  weights?: number;
  parameters: number;
  parts?: Part[];
}

export interface Weights {
  rows: number;
  columns: number;
  height: number;
  width: number;
  cells: string;
  low: number;
  high: number;
  mean: number;
  deviation: number;
  zeros: number;
  bins: number[];
  shift: string | null;
}

export interface Work {
  stages: { stage: 'units' | 'tokens' | 'written' | 'layers' | 'embedding' | 'shares'; count: number; ms: number }[];
  parts: { part: string[]; ms: number }[];
}

export interface Structure {
  tree: Part;
  /** Bytes in memory of each part with weights. */
  bytes: number[];
  mermaid: string;
  svg: string;
}

/** The answers inside an exported page; null on any other page. */
const embedded: Record<string, unknown> | null = (() => {
  const element = document.getElementById('data');
  return element ? JSON.parse(element.textContent ?? '{}') : null;
})();

/** Whether this page is an exported file, which cannot ask a program. */
export const exported = embedded !== null;

const floatsOf = new Map<string, Float32Array>();

/** Maximum count of decoded numbers in the cache. */
const DECODED = 16_000_000;
let decoded = 0;

/** Decodes floats from base64, with a cache. */
export function floats(base64: string): Float32Array {
  let found = floatsOf.get(base64);
  if (!found) {
    found = new Float32Array(bytes(base64).buffer);
    decoded += found.length;
    if (floatsOf.size > 400 || decoded > DECODED) {
      floatsOf.clear();
      decoded = found.length;
    }
    floatsOf.set(base64, found);
  }
  return found;
}

export class Missing extends Error {}

/** The text that the user gives to the decoder, in hexadecimal; empty if the model writes its own text. */
let given = '';

/** Questions whose answers do not depend on the text of the decoder. */
const APART = /^(document|structure|weights|similarity|pair)\b/;

/** Sets the text of the decoder; empty for none. Returns whether the text is new; if so, it forgets all answers. */
export function give(text: string): boolean {
  const next = hex(text);
  const other = next !== given;
  if (other) {
    given = next;
    forgetAll();
  }
  return other;
}

async function load(path: string): Promise<unknown> {
  const binary = path.startsWith('attention/');
  if (embedded) {
    const found = embedded[path];
    if (found === undefined) {
      throw new Missing('This file does not contain these numbers. Run fovea view on the document to see them.');
    }
    return binary ? new Uint16Array(bytes(found as string).buffer) : found;
  }
  const answer = await carrier.ask(given && !APART.test(path) ? `given/${given}/${path}` : path);
  return 'fractions' in answer ? answer.fractions : answer.json;
}

const answers = new Map<string, Promise<unknown>>();

/** Maximum counts of answers in the cache, and of numbers in their maps; a map of 512 tokens and 12 heads has 3 million. */
const KEPT = 300;
const NUMBERS = 60_000_000;
const sizes = new Map<string, number>();

/** Removes the oldest answers above these limits. Answers on the screen are recent, so they stay. */
function forget() {
  let total = [...sizes.values()].reduce((a, b) => a + b, 0);
  for (const path of answers.keys()) {
    if (answers.size <= KEPT && total <= NUMBERS) {
      return;
    }
    total -= sizes.get(path) ?? 0;
    sizes.delete(path);
    answers.delete(path);
  }
}

/** Forgets all answers, because they are about another text. */
export function forgetAll() {
  answers.clear();
  sizes.clear();
}

/** The answer to a question. The page sends each question once. */
export function ask<T>(path: string): Promise<T> {
  let found = answers.get(path);
  if (!found) {
    found = load(path);
    found.catch(() => answers.delete(path));
    answers.set(path, found);
    found.then((value) => value instanceof Uint16Array && answers.get(path) === found && sizes.set(path, value.length), () => {});
    forget();
  }
  return found as Promise<T>;
}

export interface Answered<T> {
  value?: T;
  error?: Error;
  /** The path that the value or the error belongs to. */
  path?: string;
}

/** The answer to a question; until it arrives, the previous answer. */
export function useAnswer<T>(path: string | null): Answered<T> {
  const [answered, set] = useState<Answered<T>>({});
  useEffect(() => {
    if (path === null) {
      set({});
      return;
    }
    let live = true;
    ask<T>(path).then(
      (value) => live && set({ value, path }),
      (error: Error) => live && set({ error, path }),
    );
    return () => {
      live = false;
    };
  }, [path]);
  return answered.path === path ? answered : answered.error ? {} : answered;
}

/** Whether an answer has a value and belongs to this path. */
export function isOf<T>(answered: Answered<T>, path: string | null): answered is Required<Pick<Answered<T>, 'value'>> & Answered<T> {
  return answered.path === path && answered.value !== undefined;
}
