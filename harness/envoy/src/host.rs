use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use portcullis_sim::Reachability;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// The only host of a cluster, or its absence.
#[derive(Debug)]
pub(crate) enum Host {
    /// It accepts connections.
    Listening(TcpListener),
    /// A port that is ours, so that nobody else can listen there, and neither do we.
    Refusing(TcpSocket),
    Absent,
}

impl Host {
    pub(crate) async fn new(reachability: Reachability) -> io::Result<Self> {
        match reachability {
            Reachability::Healthy => Ok(Self::Listening(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)),
            Reachability::ConnectError => {
                let socket = TcpSocket::new_v4()?;
                socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
                Ok(Self::Refusing(socket))
            }
            Reachability::NoHealthyHost => Ok(Self::Absent),
        }
    }

    pub(crate) fn address(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Listening(listener) => listener.local_addr().map(Some),
            Self::Refusing(socket) => socket.local_addr().map(Some),
            Self::Absent => Ok(None),
        }
    }

    /// Hands over every connection, as long as the runtime lives.
    pub(crate) async fn accept<F>(self, mut serve: impl FnMut(TcpStream) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = match self {
            Self::Listening(listener) => listener,
            // The port stays taken.
            Self::Refusing(_) | Self::Absent => return std::future::pending().await,
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(serve(stream));
                }
                // Out of file descriptors, most likely: others will be closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}
