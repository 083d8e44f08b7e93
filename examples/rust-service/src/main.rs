use std::io::{self, BufRead};

fn main() {
    let lines = io::stdin().lock().lines().map_while(Result::ok).count();
    println!("{lines} lines");
}
