use yew::prelude::*;

/// The page's drawings, on a grid of 24 by 24.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    Dot,
    Square,
    Triangle,
    Download,
    HalfMoon,
    Question,
    Speaker,
    /// Download audio.
    Wave,
    /// Choose a file.
    File,
    /// Draw a number.
    Dice,
    Lock,
    Unlock,
    Cross,
    Undo,
    Redo,
    Star,
    Pencil,
    Pause,
    /// Go on another way.
    Branch,
    Loop,
    /// Play a span again.
    Return,
    Sliders,
    /// Share.
    Link,
    /// What the network considers.
    Glow,
    Plus,
    Minus,
    List,
}

impl Glyph {
    fn path(self) -> &'static str {
        match self {
            Self::Dot => "M12 5a7 7 0 1 0 0 14a7 7 0 0 0 0-14z",
            Self::Square => "M6 6h12v12H6z",
            Self::Triangle => "M7 5l12 7-12 7z",
            Self::Download => "M11 4h2v8.2l3.3-3.3 1.4 1.4L12 16l-5.7-5.7 1.4-1.4 3.3 3.3zM5 18h14v2H5z",
            Self::HalfMoon => "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18zm0 2v14a7 7 0 0 1 0-14z",
            Self::Question => {
                "M12 4a5 5 0 0 0-5 5h2.2a2.8 2.8 0 1 1 4.2 2.4c-1.5.9-2.4 2-2.4 3.6h2.2c0-1 .6-1.5 1.5-2.1A5 5 0 \
                 0 0 12 4zm-1.2 13h2.4v2.6h-2.4z"
            }
            Self::Speaker => {
                "M4 9v6h4l5 4.5v-15L8 9zm12.2-1.6-1.2 1.6a4 4 0 0 1 0 6l1.2 1.6a6 6 0 0 0 0-9.2zm2.6-3.2-1.2 \
                 1.6a8 8 0 0 1 0 12.4l1.2 1.6a10 10 0 0 0 0-15.6z"
            }
            Self::Wave => "M3 10h2v4H3zm4-4h2v12H7zm4 3h2v6h-2zm4-6h2v18h-2zm4 6h2v6h-2z",
            Self::File => "M6 3h8l5 5v13H6zm2 2v14h9V9.5h-4.5V5zm6.5.9V7.5h1.6z",
            Self::Dice => {
                "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm1 2v12h12V6zm2 \
                 2h2.4v2.4H8zm5.6 0H16v2.4h-2.4zM10.8 10.8h2.4v2.4h-2.4zM8 13.6h2.4V16H8zm5.6 0H16V16h-2.4z"
            }
            Self::Lock => "M8 10V8a4 4 0 0 1 8 0v2h2v10H6V10zm2 0h4V8a2 2 0 0 0-4 0zm-2 2v6h8v-6z",
            Self::Unlock => "M8 10V7a4 4 0 0 1 7.8-1.2l-1.9.6A2 2 0 0 0 10 7v3h8v10H6V10zm0 2v6h8v-6z",
            Self::Undo => "M9 5 4 10l5 5v-4h5a3.5 3.5 0 0 1 0 7h-4v2h4a5.5 5.5 0 0 0 0-11H9z",
            Self::Redo => "M15 5l5 5-5 5v-4h-5a3.5 3.5 0 0 0 0 7h4v2h-4a5.5 5.5 0 0 1 0-11h5z",
            Self::Star => {
                "M12 3.5l2.5 5.6 6.1.7-4.5 4.1 1.2 6L12 16.9 6.700 19.900l1.200-6L3.400 9.800l6.100-.7z"
            }
            Self::Pencil => {
                "M4 16.500V20h3.500L18 9.500 14.500 6zM16 4.500 19.500 8l1.200-1.200a1.200 1.200 0 0 0 0-1.700l-1.800-1.800a1.200 1.200 0 0 0-1.700 0z"
            }
            Self::Pause => "M6 5h4v14H6zm8 0h4v14h-4z",
            Self::Branch => {
                "M7 4v6.500a4 4 0 0 0 4 4h3.500l-2.300 2.300 1.400 1.400L18.300 13.500 13.600 8.800l-1.400 1.400 2.300 2.300H11a2 2 0 0 1-2-2V4z"
            }
            Self::Loop => {
                "M7 6h8l-1.800-1.800 1.400-1.400L18.800 7l-4.200 4.200-1.400-1.400L15 8H7a3 3 0 0 0-3 3v1H2v-1a5 5 0 0 1 5-5zm10 12H9l1.800 1.800-1.400 1.400L5.200 17l4.200-4.200 1.400 1.400L9 16h8a3 3 0 0 0 3-3v-1h2v1a5 5 0 0 1-5 5z"
            }
            Self::Return => "M5 5h2v14H5zm4 7 6-5v4h5v2h-5v4z",
            Self::Sliders => {
                "M4 6h9v2H4zm13 0h3v2h-3zm-3-2h2v6h-2zM4 11h3v2H4zm7 0h9v2h-9zM8 9h2v6H8zM4 16h9v2H4zm13 0h3v2h-3zm-3-2h2v6h-2z"
            }
            Self::Link => {
                "M10.5 13.500a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1.700 1.700 1.400 1.400 1.700-1.700a2 2 0 0 1 2.900 2.900l-3 3a2 2 0 0 1-2.900 0zm3-3a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1.700-1.700-1.400-1.400-1.700 1.700a2 2 0 0 1-2.900-2.900l3-3a2 2 0 0 1 2.900 0z"
            }
            Self::Glow => {
                "M12 7a5 5 0 0 1 3 9v2H9v-2a5 5 0 0 1 3-9zM9.500 19h5v2h-5zM11 2h2v3h-2zM4.200 5.600l1.400-1.400 2.100 2.100-1.400 1.400zm14.200-1.400 1.400 1.400-2.100 2.100-1.400-1.400zM2 11h3v2H2zm17 0h3v2h-3z"
            }
            Self::Plus => "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
            Self::Minus => "M5 11h14v2H5z",
            Self::List => {
                "M4 6h2.4v2.4H4zm4.6.2H20v2H8.6zM4 10.8h2.4v2.4H4zm4.6.2H20v2H8.6zM4 15.6h2.4V18H4zm4.6.2H20v2H8.6z"
            }
            Self::Cross => {
                "M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4L12 13.4 6.4 19 5 17.6l5.6-5.6L5 6.4z"
            }
        }
    }
}

#[derive(Properties, PartialEq)]
pub struct IconProps {
    pub glyph: Glyph,
}

/// A drawing beside or in place of a text; the text names it.
#[component]
pub fn Icon(props: &IconProps) -> Html {
    html! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path fill-rule="evenodd" d={props.glyph.path()} />
        </svg>
    }
}
