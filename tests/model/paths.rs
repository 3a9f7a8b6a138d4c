//! Runs other tests on every instruction path that this processor has.
//!
//! Each path runs in its own process, since a process chooses its path once.

use fovea::model::simd::{self, Isa};

#[test]
fn every_path_meets_the_same_numbers() {
    if std::env::var_os("FOVEA_KERNELS").is_some() {
        return;
    }
    for path in Isa::ALL {
        if !path.available() || path == simd::path() {
            continue;
        }
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "parity::",
                "explain::shares",
                "compare::carbs",
                "compare::marginals",
                "tiny::",
            ])
            .args(std::env::var_os(super::F32_MODEL).map(|_| "--include-ignored"))
            .args(["--skip", "every_entry_equals_pytorch_when_the_full_file_is_there"])
            .env("FOVEA_KERNELS", path.name())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{path:?}: {said}");
        let compared =
            std::env::var_os(super::F32_MODEL).map(|_| "every_layer_and_head_equals_pytorch_packed_together");
        for test in ["neighbors_in_a_batch_never_change_a_result", "shares_special_tokens"]
            .into_iter()
            .chain(compared)
        {
            let ran = said.lines().any(|line| line.contains(test) && line.ends_with("... ok"));
            assert!(ran, "{path:?} did not run {test}: {said}");
        }
    }
}

#[test]
fn a_path_that_this_processor_lacks_is_not_used() {
    // An unknown name is not a path either.
    for name in ["neon", "avx1024"]
        .into_iter()
        .filter(|name| cfg!(target_arch = "x86_64") || *name != "neon")
    {
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["paths::the_path_taken_is_available", "--exact"])
            .env("FOVEA_KERNELS", name)
            .output()
            .unwrap();
        assert!(run.status.success(), "{name}");
        assert!(String::from_utf8_lossy(&run.stdout).contains("1 passed"), "{name}");
    }
}

#[test]
fn the_path_taken_is_available() {
    assert!(simd::path().available());
}
