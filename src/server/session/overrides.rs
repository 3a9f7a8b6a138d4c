//! Changes by the user: settings and commands.

use std::sync::Arc;

use serde_json::Value;

use super::{Activity, Session, SessionState};
use crate::explain::{Heads, Method};
use crate::server::outbox::HeatUpdate;
use crate::server::settings::{Attention, HeatPreset};
use crate::server::{logging, settings};

impl Session {
    /// Applies the client's complete configuration.
    pub fn configure(&self, sent: &Value) {
        let mut state = self.lock();
        let (configured, problems) = settings::read(&state.options, &state.configured, sent);
        if configured.heat() != state.configured.heat() {
            state.overrides.heat = None;
        }
        if configured.highlight != state.configured.highlight {
            state.overrides.highlight = None;
        }
        if configured.attention != state.configured.attention {
            state.overrides.attention = None;
        }
        if configured.method != state.configured.method {
            state.overrides.method = None;
        }
        state.configured = configured;
        self.outbox.add(|outgoing| outgoing.warnings.extend(problems));
        self.apply(&mut state);
    }

    /// Turns heat on or off; without a wish, toggles it. Returns the new state.
    pub fn toggle_heat(&self, wish: Option<bool>) -> bool {
        let mut state = self.lock();
        let on = wish.unwrap_or(state.effective.heat() == HeatPreset::Off);
        state.overrides.heat = Some(match (on, state.configured.heat_preset) {
            (false, _) => HeatPreset::Off,
            (true, HeatPreset::Off) => HeatPreset::default(),
            (true, preset) => preset,
        });
        self.apply(&mut state);
        on
    }

    /// Sets the amount of heat for the rest of the session.
    pub fn set_heat(&self, preset: HeatPreset) {
        let mut state = self.lock();
        state.overrides.heat = Some(preset);
        self.apply(&mut state);
    }

    /// Adds the words that a word draws on to document highlights, or removes them.
    ///
    /// Without a wish, toggles them. Returns the new state.
    pub fn toggle_attention(&self, wish: Option<bool>) -> bool {
        let mut state = self.lock();
        let on = wish.unwrap_or(!state.client.highlights_attention(state.effective.attention));
        state.overrides.attention = Some(if on { Attention::Always } else { Attention::Never });
        self.apply(&mut state);
        on
    }

    /// Turns highlights on or off; without a wish, toggles them. Returns the new state.
    pub fn toggle_highlight(&self, wish: Option<bool>) -> bool {
        let mut state = self.lock();
        let on = wish.unwrap_or(!state.effective.highlight);
        state.overrides.highlight = Some(on);
        self.apply(&mut state);
        on
    }

    /// Sets the salience method and its attention maps.
    pub fn set_method(&self, method: Method, heads: Heads) {
        let mut state = self.lock();
        state.overrides.method = Some((method, heads));
        self.apply(&mut state);
    }

    /// Pauses or resumes all model work.
    pub fn pause(&self, paused: bool) {
        if let Some(analysis) = self.analysis() {
            if paused {
                analysis.pause();
            } else {
                analysis.resume();
            }
        }
        self.outbox.add(|outgoing| outgoing.status = true);
    }

    /// Starts indexing the workspace now, or stops it.
    pub fn index(&self, wanted: bool) {
        if let Some(analysis) = self.analysis() {
            analysis.index(wanted);
        }
        self.outbox.add(|outgoing| outgoing.status = true);
    }

    /// Computes the effective settings and applies them everywhere.
    fn apply(&self, state: &mut SessionState) {
        let old = state.effective.clone();
        let mut new = state.configured.clone();
        if let Some(preset) = state.overrides.heat {
            (new.heat_preset, new.heat_enable) = (preset, true);
        }
        new.attention = state.overrides.attention.unwrap_or(new.attention);
        new.highlight = state.overrides.highlight.unwrap_or(new.highlight);
        if old.model_dir != new.model_dir
            && let Some((_, heads)) = &mut state.overrides.method
        {
            // Another model may not have these maps.
            *heads = Heads::default();
        }
        (new.method, new.heads) = state.overrides.method.unwrap_or((new.method, Heads::default()));
        let new = Arc::new(new);
        state.effective = new.clone();
        logging::set_level(&new.log_level);
        let mut documents = state.documents.clone();
        for (id, open) in Arc::make_mut(&mut documents) {
            let was_active = open.inactive.is_none();
            let open = Arc::make_mut(open);
            open.admit(&new);
            if was_active != open.inactive.is_none() {
                self.hand_over(id, open, was_active);
            }
        }
        state.documents = documents;
        if let Some(analysis) = self.analysis() {
            analysis.configure(self.engine_options(&new, &state.client.roots));
            if old.model_dir != new.model_dir {
                self.activity.send_replace(Activity::Loading);
                analysis.reload((self.loaders)(new.model_dir.as_deref()));
            }
        }
        if old.heat() != new.heat() {
            self.redraw(state, new.heat() != HeatPreset::Off);
        }
        self.outbox.add(|outgoing| {
            outgoing.status = true;
            outgoing.lenses |= (old.lens, old.inlay_hint) != (new.lens, new.inlay_hint);
            outgoing.lenses |= old.probe != new.probe;
            outgoing.lenses |= (old.min_similarity, old.lens_detail) != (new.min_similarity, new.lens_detail);
        });
    }

    /// Sends or clears the heat of every document.
    fn redraw(&self, state: &SessionState, on: bool) {
        let Some(analysis) = self.analysis() else {
            return;
        };
        for (id, open) in state.documents.iter() {
            let version = open.snapshot().version();
            let outgoing = if on {
                analysis.report(id, version).map(HeatUpdate::Report)
            } else {
                Some(HeatUpdate::Clear(version))
            };
            if let Some(heat) = outgoing {
                self.outbox.add(|outgoing| {
                    // Another preset draws units differently although their scores are the same.
                    outgoing.fresh.insert(id.clone());
                    outgoing.heat.insert(id.clone(), heat);
                });
            }
        }
    }
}
