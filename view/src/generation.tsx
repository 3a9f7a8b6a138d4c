// The generation panel: the written tokens, their alternatives, what the model attended to, and why it wrote each token.
import { useEffect, useRef, useState } from 'preact/hooks';

import { Colored, type Run } from './colored';
import { type Alternative, ask, exported, floats, isOf, type Next, type UnitText, useAnswer, type Why as WhyAnswer } from './data';
import { num, percent, sum } from './numbers';
import { Bar, Select, Wait } from './parts';
import { useNumbers } from './saving';
import { useWorld, visible } from './state';

interface Written extends Alternative {
  /** The likeliest tokens at this position. */
  others: Alternative[];
}

type Draw = 'likeliest' | 'drawn';

/** Maximum count of tokens that one start writes. */
const MOST = 40;

/** The tokens written after each unit; they stay while the user visits other panels. */
const kept = new Map<number, Written[]>();

const idsOf = (written: Written[]) => (written.length > 0 ? written.map((own) => own.id).join('.') : '-');

/** The likeliest token, or one drawn from the listed tokens by its probability. */
function choose(next: Alternative[], draw: Draw): Alternative | undefined {
  if (draw === 'likeliest') {
    return next[0];
  }
  let at = Math.random() * sum(next.map((own) => own.probability));
  return next.find((own) => (at -= own.probability) <= 0) ?? next[0];
}

function useWriting(unit: number) {
  const [written, set] = useState<Written[]>(kept.get(unit) ?? []);
  const [running, run] = useState(false);
  const [ended, end] = useState<string | Error | null>(null);
  const live = useRef(0);
  useEffect(() => {
    set(kept.get(unit) ?? []);
    end(null);
    return () => {
      live.current++;
      run(false);
    };
  }, [unit]);
  const put = (next: Written[]) => {
    kept.set(unit, next);
    set(next);
  };
  const start = async (from: Written[], draw: Draw, count: number) => {
    const own = ++live.current;
    run(true);
    end(null);
    let so = from;
    for (let at = 0; at < count && own === live.current; at++) {
      const answer = await ask<Next>(`next/${unit}/${idsOf(so)}`).catch((error: Error) => error);
      if (own !== live.current) {
        return;
      }
      if (answer instanceof Error) {
        end(answer);
        break;
      }
      const token = choose(answer.next, draw);
      if (!token) {
        end(`The window of the model, ${answer.full} tokens, is full.`);
        break;
      }
      if (token.ends) {
        end('The model ended its text here.');
        break;
      }
      so = [...so, { ...token, others: answer.next }];
      put(so);
    }
    run(false);
  };
  const stop = () => {
    live.current++;
    run(false);
  };
  return { written, running, ended, start, stop, put };
}

/** The alternatives to a token, with buttons for each. */
function Alternatives({ token, rather, setRather, branch }: { token: Written; rather: number | null; setRather: (id: number | null) => void; branch: (other: Alternative) => void }) {
  const most = Math.max(...token.others.map((own) => own.probability), token.probability);
  const listed = token.others.some((own) => own.id === token.id) ? token.others : [token, ...token.others];
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Alternatives to this token">
      <table class="terms wide" data-sum="alternatives">
        <caption>Tokens that the model could have written instead of <q>{visible(token.text)}</q></caption>
        <thead><tr><th scope="col">token</th><th scope="col">probability</th><th scope="col"><span class="sr">as a bar</span></th><th scope="col"><span class="sr">actions</span></th></tr></thead>
        <tbody>
          {listed.map((own) => (
            <tr key={own.id}>
              <th scope="row">{own.id === token.id ? <b>{visible(own.text || own.name)}</b> : visible(own.text || own.name)}{own.ends && <span class="note"> ends</span>}</th>
              <td>{percent(own.probability, 2)}</td>
              <td class="bar-cell"><Bar value={own.probability} most={most} both={false} /></td>
              <td>
                {own.id !== token.id && (
                  <>
                    <button type="button" class="quiet" aria-pressed={rather === own.id} onClick={() => setRather(rather === own.id ? null : own.id)} aria-label={`Why not ${visible(own.text || own.name)}?`}>why not?</button>
                    {!own.ends && <button type="button" class="quiet" onClick={() => branch(own)} aria-label={`Write ${visible(own.text || own.name)} instead`}>instead</button>}
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The tokens as runs of text, each with its own color. */
function runsOf(text: UnitText, written: Written[], encoder: boolean): { reading: Run[]; writing: Run[] } {
  const reading: Run[] = text.tokens.flatMap((token, at) => [{ text: token.gap }, { text: token.special ? token.piece : token.source, word: at }]);
  const first = encoder ? 0 : text.tokens.length;
  const begin: Run[] = encoder ? [{ text: text.written[0]?.piece ?? '', word: 0 }] : [];
  return { reading, writing: [...begin, ...written.map((own, at): Run => ({ text: own.text || '·', word: first + at + begin.length }))] };
}

/** What each earlier token adds to a token, and what the model attended to before it wrote the token. */
function Why({ text, written, at, rather }: { text: UnitText; written: Written[]; at: number; rather: number | null }) {
  const { document: doc, state } = useWorld();
  const [layer, setLayer] = useState<number>(-1);
  const token = written[at] as Written;
  const other = rather === null ? undefined : token.others.find((own) => own.id === rather);
  const path = `why/${state.unit}/${idsOf(written.slice(0, at + 1))}${other ? `/${other.id}` : ''}`;
  const answered = useAnswer<WhyAnswer>(path);
  if (!isOf(answered, path)) {
    return <section class="card"><Wait of={[answered]} what="what the token comes from" /></section>;
  }
  const answer = answered.value;
  const encoder = doc.decoder !== null;
  const { reading, writing } = runsOf(text, written.slice(0, at), encoder);
  const [shares, own] = [floats(answer.reading), floats(answer.writing)];
  const most = Math.max(1e-9, ...Array.from(shares, Math.abs), ...Array.from(own, Math.abs));
  const look = (base64: string) => {
    const all = floats(base64);
    const m = all.length / answer.layers;
    return layer >= 0 ? all.slice(layer * m, (layer + 1) * m) : Float32Array.from({ length: m }, (_, j) => sum(Array.from({ length: answer.layers }, (_, l) => all[l * m + j] as number)) / answer.layers);
  };
  const attention = look(answer.own);
  const cross = answer.cross ? look(answer.cross) : undefined;
  const name = visible(token.text || token.name);
  const title = (run: Run, value: number) => `${run.text}: ${num(value, 3)}`;
  const looked = (run: Run, value: number) => `${run.text}: ${percent(value, 2)}`;
  const words = sum(shares) + sum(own);
  const sides = (values: { reading: ArrayLike<number>; writing: ArrayLike<number> }, strongest: number, label: string, how: typeof title) =>
    encoder ? (
      <>
        <Colored runs={reading} values={values.reading} most={strongest} label={`The text that is read, ${label}`} title={how} />
        <Colored runs={writing} values={values.writing} most={strongest} label={`The written text, ${label}`} title={how} />
      </>
    ) : (
      <Colored runs={[...reading, ...writing]} values={values.reading} most={strongest} label={`The text before the token, ${label}`} title={how} />
    );
  return (
    <>
      <section class="card" aria-label="What it comes from">
        <div class="card-head">
          <h2>{other ? <>Why <q>{name}</q> and not <q>{visible(other.text || other.name)}</q></> : <>What <q>{name}</q> comes from</>}</h2>
          <span class="note small num">{num(answer.ms, 3)} ms</span>
        </div>
        {sides({ reading: shares, writing: own }, most, 'colored by what each token adds', title)}
        <p class="sum" data-sum="why">
          {other ? 'Difference of the two logits' : 'Logit'}: tokens <b class="num">{num(words, 5)}</b> + biases <b class="num">{num(answer.bias, 5)}</b> = <b class="num">{num(answer.value, 5)}</b>
          <span class="note small">; the residual is {answer.residual.toExponential(1).replace('-', '−')}. Orange speaks for it, blue against it{other ? ' and for the other' : ''}.</span>
        </p>
      </section>
      <section class="card" aria-label="What it looked at">
        <div class="card-head">
          <h2>What the model looked at before it wrote <q>{name}</q></h2>
          <Select label="Layer" value={layer} options={[[-1, 'mean of all'], ...Array.from({ length: answer.layers }, (_, at): [number, string] => [at, String(at)])]} onChange={setLayer} />
        </div>
        {encoder && cross
          ? sides({ reading: cross, writing: attention }, Math.max(...cross, ...attention), 'colored by attention', looked)
          : sides({ reading: attention, writing: [] }, Math.max(...attention), 'colored by attention', looked)}
        <p class="note small">Mean over the heads of the layer, from the row that predicts the token. {encoder ? 'The shares in the text that is read sum to 1, and so do the shares in the written text.' : 'The shares sum to 1.'} Attention shows what the model mixed, not why.</p>
      </section>
    </>
  );
}

export function Generation() {
  const { document: doc, text, state } = useWorld();
  const { written, running, ended, start, stop, put } = useWriting(state.unit);
  const [draw, setDraw] = useState<Draw>('likeliest');
  const [chosen, choosePlace] = useState<number | null>(null);
  const [rather, setRather] = useState<number | null>(null);
  useEffect(() => {
    choosePlace(null);
    setRather(null);
  }, [state.unit]);
  useNumbers(written.length > 0 ? {
    name: 'generation',
    rows: () => [['token', 'id', 'probability', 'second', 'its probability'], ...written.map((own) => [own.text, own.id, own.probability, own.others[1]?.text ?? '', own.others[1]?.probability ?? null])],
    json: () => written,
  } : undefined);
  if (!doc.writes) {
    return <p class="note">{doc.model.name} writes no texts: it {doc.head === 'mask' ? 'fills masks' : doc.head === 'class' ? 'predicts classes' : 'turns a text into a vector'}. Choose a model that generates with <code>--model</code>, such as GPT-2, Llama, Gemma or T5.</p>;
  }
  if (exported) {
    return <p class="note">This file contains no model, so it cannot write. Run <code>fovea view</code> on the document to let the model write.</p>;
  }
  if (!text || text.unit !== state.unit) {
    return <Wait of={[]} what="the unit" />;
  }
  const place = chosen !== null && chosen < written.length ? chosen : null;
  const token = place === null ? undefined : written[place];
  const pick = (at: number) => {
    choosePlace(at === place ? null : at);
    setRather(null);
  };
  const branch = (at: number, other: Alternative) => {
    stop();
    put([...written.slice(0, at), { ...other, others: (written[at] as Written).others }]);
    choosePlace(at);
    setRather(null);
  };
  const whole = text.runs.map((run) => run.text).join('');
  return (
    <div class="generation stacked">
      <section class="card" aria-label="Writing">
        <div class="card-head">
          <h2>{doc.decoder ? 'What the model writes for this unit' : 'How the model continues this unit'}</h2>
          <div class="row wrap">
            <Select label="Take" value={draw} options={[['likeliest', 'the likeliest token'], ['drawn', 'one drawn from the likeliest 12']]} onChange={setDraw} />
            {running ? <button type="button" class="main" onClick={stop}>Stop</button> : <button type="button" class="main" onClick={() => start(written, draw, MOST)}>{written.length > 0 ? 'Go on' : 'Start'}</button>}
            <button type="button" disabled={running} onClick={() => start(written, draw, 1)}>One token</button>
            <button type="button" class="quiet" disabled={written.length === 0} onClick={() => { stop(); put([]); choosePlace(null); }}>Clear</button>
          </div>
        </div>
        <p class="text written" role="group" aria-label="The unit and the written text" tabIndex={0}>
          {!doc.decoder && <span class="note">{whole.length > 600 ? `… ${whole.slice(-600)}` : whole}</span>}
          {written.map((own, at) => (
            <button key={at} type="button" class={`word${at === place ? ' on' : ''}`} style={{ '--share': `${Math.round(70 * own.probability)}%` }} aria-pressed={at === place} aria-label={`${visible(own.text || own.name)}, ${percent(own.probability)}`} title={`${visible(own.text || own.name)}: ${percent(own.probability, 2)}`} onClick={() => pick(at)}>{own.text || '·'}</button>
          ))}
        </p>
        <p class="note small" aria-live="polite">
          {ended instanceof Error ? ended.message : ended ?? (running ? `Writing … ${written.length} tokens` : written.length > 0 ? 'The darker a token, the more probable it was. Choose one to see what it comes from.' : 'Press Start to let the model write. You can then look into each token.')}
        </p>
        {token && place !== null && <Alternatives token={token} rather={rather} setRather={setRather} branch={(other) => branch(place, other)} />}
      </section>
      {token && place !== null && <Why text={text} written={written} at={place} rather={rather} />}
    </div>
  );
}
