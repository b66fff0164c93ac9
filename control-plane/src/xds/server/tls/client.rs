//! Who a client is by its certificate.

use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The URIs among the alternative names of the first of these certificates, which is the client's own: the handshake has
/// verified it. Meshes put SPIFFE identities there.
pub(in crate::xds::server) fn uri_names(certificates: Option<&[CertificateDer<'_>]>) -> Vec<String> {
    let certificate = certificates.and_then(<[_]>::first).map(EndEntityCert::try_from);
    let Some(Ok(certificate)) = certificate else { return Vec::new() };
    certificate.valid_uri_names().map(str::to_owned).collect()
}
