// The page of `fovea view`.
import './page.css';

import { render } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { Attention } from './attention';
import { ask, type Document, exported, give, isOf, type UnitText, useAnswer } from './data';
import { useCursor, useEdits, useFollows } from './follow';
import { Generation } from './generation';
import { Given } from './given';
import { Layers } from './layers';
import { shapeOf } from './maps';
import { percent } from './numbers';
import { Wait } from './parts';
import { Salience } from './salience';
import { Saves } from './saving';
import { Similarity } from './similarity';
import { fromAddress, PANELS, type PanelName, SettingContext, TITLES, type World, WorldContext, useAddress, useTheme } from './state';
import { Steps } from './steps';
import { Structure } from './structure';
import { Tour } from './tour';
import { WhatIf } from './whatif';

const VIEWS: Record<PanelName, () => preact.JSX.Element> = { attention: Attention, steps: Steps, salience: Salience, layers: Layers, whatif: WhatIf, generation: Generation, similarity: Similarity, structure: Structure };

/** The title of a unit in the list. */
function titleOf(document: Document, at: number): string {
  const unit = document.units[at];
  if (!unit) {
    return '';
  }
  const lines = unit.first_line === unit.last_line ? `line ${unit.first_line}` : `lines ${unit.first_line}–${unit.last_line}`;
  return `${unit.name ?? unit.beginning} · ${unit.kind.replace('_', ' ')}, ${lines}`;
}

function App({ onGiven }: { onGiven: () => void }) {
  const [state, go] = useAddress();
  const [theme, setTheme] = useTheme();
  const [tour, setTour] = useState(false);
  const [follows, setFollows] = useFollows();
  const [atCursor, setAtCursor] = useState(false);
  useCursor(follows, useCallback((unit: number) => {
    setAtCursor(true);
    go({ unit, token: -1, source: -1, coordinate: -1, edit: '-' });
  }, [go]));
  const tabs = useRef<HTMLDivElement>(null);
  const doc = useAnswer<Document>('document');
  const unitPath = isOf(doc, 'document') && doc.value.units.length > 0 ? `unit/${state.unit}` : null;
  const unit = useAnswer<UnitText>(unitPath);
  const document_ = isOf(doc, 'document') ? doc.value : undefined;
  useEffect(() => {
    if (!document_) {
      return;
    }
    document.title = `${document_.file.split(/[\\/]/).at(-1)} · Fovea`;
    // The numbers in the address may come from a larger document or model.
    const fit = (value: number, most: number) => Math.min(value, Math.max(0, most));
    const shape = shapeOf(document_, state.look);
    const change = {
      unit: fit(state.unit, document_.units.length - 1),
      layer: fit(state.layer, shape.layers - 1),
      head: fit(state.head, shape.heads - 1),
    };
    if (change.unit !== state.unit || change.layer !== state.layer || change.head !== state.head) {
      go(change);
    }
  }, [document_, state.unit, state.layer, state.head, state.look]);
  const setting = useMemo(() => (document_ ? { document: document_, go, theme } : null), [document_, go, theme]);
  useEffect(() => {
    if (give(state.given)) {
      onGiven();
    }
  }, [state.given]);
  // On a narrow screen, the tabs scroll, and the selected tab may be hidden.
  useEffect(() => document.getElementById(`tab-${state.panel}`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [state.panel, document_]);
  if (!document_) {
    return <main class="center"><Wait of={[doc]} what="the document" /></main>;
  }
  const { units, model } = document_;
  const text = isOf(unit, unitPath) ? unit.value : undefined;
  const world: World = { document: document_, text, state, go, theme };
  const Panel = VIEWS[state.panel];
  const toUnit = (next: number) => go({ unit: next, token: -1, source: -1, coordinate: -1, edit: '-' });
  const usable = (at: number, step: number): number => {
    let next = at + step;
    while (units[next]?.blank) {
      next += step;
    }
    return next;
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? PANELS.length - 1 : step ? (PANELS.indexOf(state.panel) + step + PANELS.length) % PANELS.length : -1;
    if (to >= 0) {
      event.preventDefault();
      go({ panel: PANELS[to] as PanelName });
      tabs.current?.querySelectorAll<HTMLElement>('[role=tab]')[to]?.focus();
    }
  };
  const needsUnit = state.panel !== 'structure' && state.panel !== 'similarity';
  return (
    <SettingContext.Provider value={setting}><WorldContext.Provider value={world}>
      <a class="skip" href="#panel" onClick={(event) => { event.preventDefault(); document.getElementById('panel')?.focus(); }}>Skip to the panel</a>
      <header>
        <span class="brand"><svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true"><circle cx="10" cy="10" r="8.5" /><circle class="inner" cx="10" cy="10" r="3.6" /></svg>Fovea</span>
        <h1 title={document_.file}>{document_.file.split(/[\\/]/).at(-1)}</h1>
        <span class="model-name">{model.name} <span class="note small">{model.layers} layers × {model.heads} heads, {model.hidden} wide</span></span>
        <span class="grow" />
        {atCursor && <button type="button" class="quiet" aria-pressed={follows} onClick={() => setFollows(!follows)}>Follow the editor</button>}
        <button type="button" class="quiet" aria-expanded={tour} onClick={() => setTour(!tour)}>What is attention?</button>
        <button type="button" class="quiet" onClick={() => setTheme(theme === 'dark' ? 'light' : 'dark')}>{theme === 'dark' ? 'Light' : 'Dark'}</button>
      </header>
      <nav aria-label="Unit and panel">
        {units.length > 0 && (
          <div class="units">
            <button type="button" class="quiet" aria-label="Previous unit" disabled={usable(state.unit, -1) < 0} onClick={() => toUnit(usable(state.unit, -1))}>‹</button>
            <label class="unit-select">
              <span class="sr">Unit</span>
              <select value={String(state.unit)} onChange={(event) => toUnit(Number(event.currentTarget.value))}>
                {units.map((own, at) => <option key={at} value={String(at)} disabled={own.blank}>{titleOf(document_, at)}</option>)}
              </select>
            </label>
            <button type="button" class="quiet" aria-label="Next unit" disabled={usable(state.unit, 1) >= units.length} onClick={() => toUnit(usable(state.unit, 1))}>›</button>
          </div>
        )}
        <div class="tabs" role="tablist" aria-label="Panel" ref={tabs} onKeyDown={move}>
          {PANELS.map((name) => (
            <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={state.panel === name} aria-controls="panel" tabIndex={state.panel === name ? 0 : -1} onClick={() => go({ panel: name })}>
              {TITLES[name]}
            </button>
          ))}
        </div>
      </nav>
      <main>
        {document_.decoder && needsUnit && state.panel !== 'generation' && !exported && <Given />}
        <div id="panel" role="tabpanel" aria-labelledby={`tab-${state.panel}`} tabIndex={-1}>
        {text && needsUnit && text.coverage < 0.995 && (
          <p class={text.coverage < 0.5 ? 'warn strong' : 'warn'}>
            The model’s vocabulary knows only {percent(text.coverage, 0)} of the characters here; the model reads the others as [UNK].
            {text.coverage < 0.5 && ' Its numbers say little about this text. Choose a model for the language with --model.'}
          </p>
        )}
        {needsUnit && units.length === 0 ? (
          <p class="note">This document is empty.</p>
        ) : needsUnit && unit.error ? (
          <Wait of={[unit]} what="the unit" />
        ) : (
          <Panel />
        )}
        </div>
        <Saves panel={state.panel} />
      </main>
      {tour && <Tour onEnd={() => setTour(false)} />}
      <footer class="note small">
        Fovea {document_.version}. Every number comes from {model.name}, on this machine{exported ? ', and is in this file' : ''}. Units, layers, heads and tokens are counted from 0.
      </footer>
    </WorldContext.Provider></SettingContext.Provider>
  );
}

/** Renders the page again for each text. The address keeps the selection. */
function Page() {
  const [given, setGiven] = useState(0);
  return <App key={`${useEdits()} ${given}`} onGiven={() => setGiven((count) => count + 1)} />;
}

give(fromAddress().given);

// The page asks for the document early, so that it loads while the rest of the page starts.
ask('document').catch(() => {});
const root = document.getElementById('page');
if (root) {
  render(<Page />, root);
}
