//! Measures the released functions beside the floor of the platform and beside the same work in Node.js and Python, and
//! writes docs/benchmarks.md.

mod calls;
mod chart;
mod error;
mod figures;
mod growth;
mod machine;
mod memory;
mod report;
mod sizes;
mod soak;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let what = std::env::args().nth(2).unwrap();
    let n: usize = std::env::args().nth(3).unwrap().parse().unwrap();
    runtime.block_on(async {
        match what.as_str() {
            "sizes" => eprintln!("{:#?}", sizes::measure(&folder)),
            "calls" => eprintln!("{:#?}", calls::count(&folder).await),
            "machine" => eprintln!("{:#?}", machine::describe()),
            "growth" => eprintln!("{:#?}", growth::measure(&folder, &[10, 100, n]).await),
            _ => eprintln!("{:#?}", soak::run(&folder, n).await),
        }
    });
}
