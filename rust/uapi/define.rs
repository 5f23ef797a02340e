// SPDX-License-Identifier: GPL-2.0

//! Macros that turn one list into an enumeration, its names and its tables.

/// Defines an enumeration whose variants have a number and a name.
macro_rules! numbers {
    (
        $(#[$meta:meta])*
        $name:ident: $repr:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $number:literal, $text:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant = $number, )+
        }

        impl $name {
            /// All of them, in order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the number.
            pub const fn number(self) -> $repr {
                self as $repr
            }

            /// Returns the name, as in the specification.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )+
                }
            }
        }

        impl TryFrom<$repr> for $name {
            type Error = $crate::Unknown;

            fn try_from(number: $repr) -> Result<Self, $crate::Unknown> {
                match number {
                    $( $number => Ok(Self::$variant), )+
                    _ => Err($crate::Unknown(number.into())),
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

/// Defines an attribute set: an enumeration of `u16` whose variants also have a [`Kind`].
///
/// [`Kind`]: crate::Kind
macro_rules! attributes {
    (
        $(#[$meta:meta])*
        $name:ident {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident = $number:literal, $text:literal, $kind:expr;
            )+
        }
    ) => {
        numbers! {
            $(#[$meta])*
            $name: u16 {
                $( $(#[$variant_meta])* $variant = $number, $text; )+
            }
        }

        impl $name {
            /// All of them as data, in order of their numbers.
            pub const TABLE: &'static [$crate::Attribute] = &[
                $( $crate::Attribute { number: $number, name: $text, kind: $kind }, )+
            ];

            /// Returns the form and limits of the value.
            pub const fn kind(self) -> $crate::Kind {
                match self {
                    $( Self::$variant => $kind, )+
                }
            }
        }
    };
}

/// Defines a family's commands: an enumeration of `u8` and the table of [`Operation`]s.
///
/// The lists are the attributes that a single request (`request`) and a dump request (`dump`) may
/// carry; a command without one of them does not take such requests.
///
/// [`Operation`]: crate::Operation
macro_rules! commands {
    (@list) => { None };
    (@list $set:ident $($attribute:ident)*) => { Some(&[$($set::$attribute as u16),*]) };
    (@admin) => { false };
    (@admin admin) => { true };
    (
        $(#[$meta:meta])*
        $name:ident {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident = $number:literal, $text:literal, $set:ident {
                    $(permission: $admin:ident;)?
                    $(request: [$($request:ident),*];)?
                    $(dump: [$($dump:ident),*];)?
                }
            )+
        }
    ) => {
        numbers! {
            $(#[$meta])*
            $name: u8 {
                $( $(#[$variant_meta])* $variant = $number, $text; )+
            }
        }

        impl $name {
            /// All of them as data, in order of their numbers.
            pub const OPERATIONS: &'static [$crate::Operation] = &[
                $(
                    $crate::Operation {
                        number: $number,
                        name: $text,
                        admin: commands!(@admin $($admin)?),
                        attributes: $set::TABLE,
                        request: commands!(@list $($set $($request)*)?),
                        dump: commands!(@list $($set $($dump)*)?),
                    },
                )+
            ];
        }
    };
}
