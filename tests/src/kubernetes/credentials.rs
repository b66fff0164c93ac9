//! Who may do what: keys, certificates, tokens and the kubeconfig files with them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rcgen::KeyPair;
use serde_json::json;

/// Only reachable inside the test's network namespace.
const ADMIN_TOKEN: &str = "admin";

/// What the programs of one cluster trust, as files in one folder.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    folder: PathBuf,
}

impl Credentials {
    /// Makes new ones in this folder.
    pub(super) fn generate(folder: &Path) -> Result<Self> {
        let names = ["10.0.0.1", "10.0.0.2", "127.0.0.1", "localhost"].map(str::to_owned);
        let serving = rcgen::generate_simple_self_signed(names)?;
        let service_accounts = KeyPair::generate()?;
        let credentials = Self { folder: folder.to_owned() };
        let files = [
            (credentials.certificate(), serving.cert.pem()),
            (credentials.key(), serving.signing_key.serialize_pem()),
            (credentials.service_account_public_key(), service_accounts.public_key_pem()),
            (credentials.service_account_key(), service_accounts.serialize_pem()),
            (credentials.tokens(), format!("{ADMIN_TOKEN},admin,admin,system:masters\n")),
        ];
        files
            .into_iter()
            .try_for_each(|(file, content)| fs::write(file, content))
            .context("cannot write credentials")?;
        Ok(credentials)
    }

    /// Where the programs of the cluster keep what is theirs.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The certificate that every server of the cluster has, and every client trusts.
    pub(super) fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    pub(super) fn service_account_key(&self) -> PathBuf {
        self.folder.join("service-accounts.key")
    }

    pub(super) fn service_account_public_key(&self) -> PathBuf {
        self.folder.join("service-accounts.pub")
    }

    /// The static token file: token, user, id, groups.
    pub(super) fn tokens(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    /// Writes the kubeconfig file `NAME.kubeconfig` for the bearer of a token, who is at home in a namespace.
    pub(super) fn kubeconfig(&self, name: &str, namespace: &str, token: &str, server: &str) -> Result<PathBuf> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
            "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": self.certificate()}}],
            "users": [{"name": name, "user": {"token": token}}],
        });
        let file = self.folder.join(name).with_added_extension("kubeconfig");
        fs::write(&file, config.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }

    /// The kubeconfig file of the administrator, for programs of the cluster.
    pub(super) fn admin_kubeconfig(&self, server: &str) -> Result<PathBuf> {
        self.kubeconfig("admin", "default", ADMIN_TOKEN, server)
    }

    /// The administrator's client.
    pub(super) async fn admin(&self, server: &str) -> Result<Client> {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig("admin-client", "default", ADMIN_TOKEN, server)?)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Client::try_from(config)?)
    }
}
