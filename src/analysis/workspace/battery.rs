//! Detects whether the machine runs on battery, on systems that report it.

use std::path::{Path, PathBuf};

/// The folder that lists power supplies: `FOVEA_POWER_SUPPLY`, or Linux's, which other systems do not have.
pub fn supplies() -> PathBuf {
    std::env::var_os("FOVEA_POWER_SUPPLY").map_or_else(|| PathBuf::from("/sys/class/power_supply"), PathBuf::from)
}

/// Whether the machine runs on its battery alone. The batteries of a mouse or a headset do not count.
/// Returns `false` if nothing is known.
pub fn discharging(supplies: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(supplies) else {
        return false;
    };
    let (mut plugged, mut draining) = (false, false);
    for supply in entries.flatten().map(|entry| entry.path()) {
        let field = |name: &str| std::fs::read_to_string(supply.join(name)).unwrap_or_default();
        match field("type").trim() {
            "Battery" => draining |= field("status").trim() == "Discharging" && field("scope").trim() != "Device",
            "Mains" | "USB" => plugged |= field("online").trim() == "1",
            _ => {}
        }
    }
    draining && !plugged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supply(root: &Path, name: &str, fields: &[(&str, &str)]) {
        let folder = root.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (field, value) in fields {
            std::fs::write(folder.join(field), format!("{value}\n")).unwrap();
        }
    }

    #[test]
    fn a_laptop_runs_on_its_battery_until_it_is_plugged_in() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert!(!discharging(&root.join("nothing")) && !discharging(root));
        supply(root, "BAT0", &[("type", "Battery"), ("status", "Discharging")]);
        supply(root, "AC", &[("type", "Mains"), ("online", "0")]);
        assert!(discharging(root));
        supply(root, "AC", &[("online", "1")]);
        assert!(!discharging(root));
    }

    #[test]
    fn the_battery_of_a_mouse_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let mouse = [("type", "Battery"), ("status", "Discharging"), ("scope", "Device")];
        supply(folder.path(), "hidpp_battery_0", &mouse);
        assert!(!discharging(folder.path()));
    }
}
