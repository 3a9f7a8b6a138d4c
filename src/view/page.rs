//! The page: a shell of HTML, and the bundle that `view/build.mjs` makes of `view/src`.

/// The bundle.
pub(super) const SCRIPT: &str = include_str!("../../assets/view/page.js");

/// Its styles.
pub(super) const STYLE: &str = include_str!("../../assets/view/page.css");

/// The icon of the tab: a filled circle in a ring, like the center of an eye.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
                    %3Ccircle cx='8' cy='8' r='7' fill='none' stroke='%236d4fd8' stroke-width='2'/%3E\
                    %3Ccircle cx='8' cy='8' r='3' fill='%236d4fd8'/%3E%3C/svg%3E";

/// The page that the server sends; it loads script and styles from the same folder.
pub(super) fn served() -> String {
    shell(
        "",
        "<link rel=\"stylesheet\" href=\"page.css\">",
        "<script type=\"module\" src=\"page.js\"></script>",
    )
}

/// A page with these elements in its head (a policy, styles) and at its end (scripts).
pub(super) fn shell(policy: &str, styles: &str, scripts: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{policy}\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Fovea</title>\n<link rel=\"icon\" href=\"{ICON}\">\n{styles}\n</head>\n\
         <body>\n<div id=\"page\"></div>\n<noscript>This page needs scripts. They come from Fovea alone.</noscript>\n{scripts}\n\
         </body>\n</html>\n"
    )
}
