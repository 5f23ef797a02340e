// SPDX-License-Identifier: GPL-2.0

//! The attributes of the kernel's pin-init, for code that is compiled where nothing is pinned.

#![forbid(unsafe_code)]

use proc_macro::{TokenStream, TokenTree};

/// Leaves a struct as it is, but for the `#[pin]` before its fields.
#[proc_macro_attribute]
pub fn pin_data(_: TokenStream, item: TokenStream) -> TokenStream {
    without_pin(item)
}

fn without_pin(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in tokens {
        match (kept.last(), token) {
            (Some(TokenTree::Punct(hash)), TokenTree::Group(group))
                if hash.as_char() == '#' && group.stream().to_string() == "pin" =>
            {
                kept.pop();
            }
            (_, TokenTree::Group(group)) => {
                let inside = without_pin(group.stream());
                kept.push(proc_macro::Group::new(group.delimiter(), inside).into());
            }
            (_, token) => kept.push(token),
        }
    }
    kept.into_iter().collect()
}
