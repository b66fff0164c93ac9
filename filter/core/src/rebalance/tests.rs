mod directives;
mod properties;
mod proxy;
mod reports;
