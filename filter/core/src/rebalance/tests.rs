mod directives;
mod properties;
mod proxy;
mod record;
mod reports;
