use crate::Place;

#[test]
fn each_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = Place::new().rlc(&["completions", shell]);
        assert!(ran.out.contains("check") && ran.out.contains("deny-warnings"), "{shell}");
        assert_eq!((ran.err.as_str(), ran.code), ("", 0));
    }
}

#[test]
fn an_unknown_shell_is_answered_with_those_there_are() {
    let ran = Place::new().rlc(&["completions", "powershel"]);
    assert!(ran.err.contains("a similar value exists: 'powershell'"), "{}", ran.err);
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
}
