//! What each diagnostic code means, at length: the pages that `rlc explain` prints.
//!
//! Every page is Markdown: a title, what is wrong and why it matters, a policy that is reported with the code, and the
//! same policy mended. The pages lie in `errors/`, and tests compile the policies on them.

use limitrate_grammar::code::Code;

macro_rules! pages {
    ($($code:ident)*) => {
        /// The page about a code, in Markdown.
        #[must_use]
        pub const fn page(code: Code) -> &'static str {
            match code { $(Code::$code => include_str!(concat!("../errors/", stringify!($code), ".md")),)* }
        }
    };
}

pages! {
    RL0001 RL0002 RL0003 RL0004 RL0005 RL0006 RL0007 RL0008 RL0009 RL0010 RL0011 RL0012 RL0013 RL0014
    RL0101 RL0102 RL0103 RL0104 RL0105 RL0106 RL0107 RL0201 RL0202 RL0203 RL0204 RL0206 RL0207 RL0209 RL0210
    RL0301 RL0302 RL0303 RL0304 RL0401 RL0402 RL0403 RL0501 RL0502 RL0503 RL0504 RL0505 RL0506 RL0507 RL0508
    RL0509 RL0510 RL0511 RL0604 RL0605 RL0606 RL0607 RL0701 RL0704 RL1004 RL1006 RL1008 RL1010 RL1012 RL1201 RL1202
    RL1301 RL1302 RL1303 RL1304 RL1305 RL1306 RL1307 RL1308
}

#[cfg(test)]
mod tests {
    use limitrate_grammar::code::Code;

    use super::page;

    #[test]
    fn every_code_has_a_page_that_begins_with_its_title() {
        for code in Code::ALL {
            let first = page(*code).lines().next().unwrap();
            assert_eq!(first, format!("# {code}: {}", code.title()));
        }
    }
}
