//! Checks the settings of the page in the browser.

use axum::http::HeaderValue;

use super::Check;
use crate::auth::shown::shown_url;
use crate::cli::page::PageArgs;
use crate::{LoginUrl, Page, PublicUrl};

/// The checked settings of the page.
pub(super) struct PageSettings {
    /// `None` if there is no page.
    pub(super) page: Option<Page>,
    pub(super) public_url: Option<PublicUrl>,
    pub(super) frame_ancestors: Vec<HeaderValue>,
}

impl Check {
    /// Checks the settings of the page. `signs_in` is whether this process alone can sign access
    /// tokens.
    pub(super) fn page(
        &mut self,
        args: PageArgs,
        development: bool,
        signs_in: bool,
    ) -> PageSettings {
        let frame_ancestors = self.origins("frame-ancestor", &args.frame_ancestors);
        let public_url = args.public_url.and_then(|url| self.public_url(&url, args.page));
        let login = args.login_url.and_then(|url| self.login_url(&url, public_url.as_ref()));
        let page = match login {
            _ if !development && !args.page => None,
            Some(login) => Some(Page::OpensLogin(login)),
            None if signs_in => Some(Page::SignsIn),
            None => Some(Page::AsksForToken),
        };
        PageSettings { page, public_url, frame_ancestors }
    }

    fn public_url(&mut self, text: &str, is_of_page: bool) -> Option<PublicUrl> {
        let shown = shown_url(text);
        match text.parse::<PublicUrl>() {
            Ok(url) if is_of_page && !url.is_of_page() => {
                self.problem(format!(
                    "--public-url {shown}: has to end in /join with --page, since the page joins \
                     rooms there"
                ));
                None
            }
            Ok(url) => Some(url),
            Err(error) => {
                self.problem(format!("--public-url {shown}: {error}"));
                None
            }
        }
    }

    fn login_url(&mut self, text: &str, public_url: Option<&PublicUrl>) -> Option<LoginUrl> {
        if public_url.is_none() {
            self.problem(
                "--login-url needs --public-url, to which the login sends the browser back"
                    .to_owned(),
            );
        }
        text.parse()
            .map_err(|error| self.problem(format!("--login-url {}: {error}", shown_url(text))))
            .ok()
    }
}
