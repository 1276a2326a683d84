//! `cargo xtask`: see `cargo xtask help`.

use std::process::ExitCode;

use xtask::cli::{self, Task};

use xtask::{check, serve, site};

fn main() -> ExitCode {
    let task = match cli::parse(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("error: {error}\n\n{}", cli::USAGE);
            return ExitCode::from(2);
        }
    };
    let outcome = match task {
        Task::Help => {
            println!("{}", cli::USAGE);
            Ok(())
        }
        Task::Build { programs } => site::build(programs),
        Task::Serve { port, reach, opens, programs } => {
            serve::forever(port, reach, opens, || site::build(programs))
        }
        Task::Test => check::everything(),
        Task::Cli { features } => check::build_cli(&features),
        Task::Measure { arguments } => check::measure(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
