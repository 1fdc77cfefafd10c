//! What compilations leave behind: nothing. Alone in its process, so that no other test's memory is counted.
#![cfg(all(feature = "jit", target_os = "linux"))]
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

use limitrate_compiler::codegen;

/// The number of mappings and the resident pages of this process.
fn footprint() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("mappings").lines().count();
    let statm = std::fs::read_to_string("/proc/self/statm").expect("memory");
    (maps, statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages"))
}

#[test]
fn ten_thousand_compilations_leave_no_mapping_and_no_memory_behind() {
    let text = b"input { user : key }\nrule api { limit 5 req/min per user }";
    let program = || {
        let accepted = limitrate_compiler::compile("x.rl", text, limitrate_compiler::Engine::Interpreter);
        accepted.expect("a valid policy").policy
    };
    let policy = program();
    let cycle = |times: usize| {
        for _ in 0..times {
            drop(codegen::compile(policy.program()).expect("machine code on this platform"));
        }
    };
    cycle(200); // what allocators and the code generator keep for themselves
    let (maps, pages) = footprint();
    cycle(10_000);
    let (maps_after, pages_after) = footprint();
    assert!(maps_after <= maps + 8, "{maps} mappings became {maps_after}");
    assert!(pages_after <= pages + 512, "{pages} resident pages became {pages_after}");
}
