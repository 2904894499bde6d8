// Greets whoever the path names.
use std::io::{Read, Write};
use std::net::TcpListener;

fn greet(name: &str) -> String {
    let length = name.len();
    let mut text = String::with_capacity("Hello, ".len() + length);
    text += "Hello, ";
    text += name;
    return text;
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:8080")?;
    println!("greeter: listening on :8080");
    for client in listener.incoming() {
        let mut client = client?;
        let mut request = [0; 4096];
        let n = client.read(&mut request)?;
        let line = String::from_utf8_lossy(&request[..n]).into_owned();
        let path = line.split(' ').nth(1).unwrap_or("/");
        let body = greet(path.trim_start_matches('/'));
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", body.len(), body);
        if let Err(e) = client.write_all(answer.as_bytes()) {
            eprintln!("greeter: {}", e);
        }
    }
    Ok(())
}
