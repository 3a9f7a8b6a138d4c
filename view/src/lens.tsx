// Logit lens: what the model would predict from the row of a token after each layer if no other layer followed.
import { exported, isOf, type Lens as Answer, type UnitText, useAnswer } from './data';
import { css, inkOn, num, percent, ramp } from './numbers';
import { Select, Wait } from './parts';
import { lookingToken, pieceOf, useWorld, visible } from './state';

export function Lens({ text }: { text: UnitText }) {
  const { document: doc, state, go, theme } = useWorld();
  const writing = doc.decoder !== null;
  const own = writing ? { ...text, tokens: text.written } : text;
  const token = writing ? Math.min(Math.max(state.token, 0), own.tokens.length - 1) : lookingToken(text, state);
  const path = doc.names_tokens ? `lens/${state.unit}${writing ? '/d' : ''}/${token}` : null;
  const answered = useAnswer<Answer>(path);
  if (!doc.names_tokens) {
    return (
      <section class="card" aria-label="Logit lens">
        <h2>What each layer would predict</h2>
        <p class="note">{doc.model.name} has no head that names tokens, so no layer predicts one. A decoder, an encoder–decoder or a model that fills masks has one.</p>
      </section>
    );
  }
  const answer = isOf(answered, path) ? answered.value : undefined;
  const last = (answer?.layers.length ?? 1) - 1;
  return (
    <section class="card lens" aria-label="Logit lens">
      <div class="card-head">
        <h2>What each layer would predict</h2>
        <Select label={doc.head === 'mask' ? 'At' : 'After'} value={token} options={own.tokens.map((_, at): [number, string] => [at, `${at}: ${pieceOf(own, at)}`])} onChange={(at) => go({ token: at, source: -1 })} />
      </div>
      <p class="note small">
        The row after each layer goes directly through the last norm and the head, as if no other layer followed (logit lens, nostalgebraist 2020).
        {answer && <> The final prediction is <q>{visible(answer.finally)}</q>.</>} {exported && 'This file contains it for the first unit.'}
      </p>
      {answer ? (
        <div class="scroll" tabIndex={0} role="region" aria-label="Likeliest tokens in each layer">
          <table class="heat" data-sum="lens">
            <caption>The likeliest tokens with their probabilities; then the probability and rank of the final prediction, and the entropy</caption>
            <thead><tr><th scope="col">after</th>{answer.layers[0]?.top.map((_, at) => <th key={at} scope="col">{at + 1}.</th>)}<th scope="col">probability</th><th scope="col">rank</th><th scope="col">entropy</th></tr></thead>
            <tbody>
              {answer.layers.map((layer, at) => (
                <tr key={at}>
                  <th scope="row">{at === 0 ? 'embedding' : at === last ? `layer ${at - 1}, output` : `layer ${at - 1}`}</th>
                  {layer.top.map((option) => {
                    const color = ramp(theme, option.probability);
                    return <td key={option.id} style={{ background: css(color), color: inkOn(color) }} title={`${visible(option.text)}: ${percent(option.probability, 2)}`}><span class="lens-token">{visible(option.text)}</span> {percent(option.probability, 0)}</td>;
                  })}
                  <td>{percent(layer.probability, 1)}</td>
                  <td>{layer.rank}</td>
                  <td>{num(layer.entropy, 3)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Wait of={[answered]} what="the lens" />
      )}
    </section>
  );
}
