//! Lists of reasons: a table each, from which everything about them is made.

/// Makes an enum of reasons from a table of them: the variant, when it applies, and what to do, the last two as clauses for
/// docs. Nothing that goes through all of them can leave one out.
#[macro_export]
macro_rules! reasons {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $($(#[$doc:meta])* $variant:ident: $when:literal, $remedy:literal;)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// All of them, in the order in which docs/reasons.md tells of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As it is written: in conditions and in output.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)*
                }
            }

            /// When it applies, and what to do.
            pub fn when_and_remedy(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$variant => ($when, $remedy),)*
                }
            }
        }
    };
}
