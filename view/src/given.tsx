// A field for the text that the decoder of an encoder–decoder writes.
import { useState } from 'preact/hooks';

import { LONGEST, useWorld } from './state';

export function Given() {
  const { state, go } = useWorld();
  const [typed, type] = useState(state.given);
  const use = (event: Event) => {
    event.preventDefault();
    go({ given: typed.trim(), token: -1, source: -1 });
  };
  return (
    <form class="row wrap given" onSubmit={use}>
      <label class="field"><span>The decoder writes</span><input type="text" class="typed" maxLength={LONGEST} placeholder="what the model chooses" value={typed} onInput={(event) => type(event.currentTarget.value)} /></label>
      <button type="submit" disabled={typed.trim() === state.given}>Use this text</button>
      {state.given !== '' && <button type="button" class="quiet" onClick={() => go({ given: '', token: -1, source: -1 })}>What the model chooses</button>}
    </form>
  );
}
