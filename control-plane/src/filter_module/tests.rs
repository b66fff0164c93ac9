use super::*;

const MODULE: &[u8] = b"\0asm\x01\0\0\0and more";

#[test]
fn a_module_is_named_by_its_hash() {
    let module = FilterModule::new(&b"\0asm\x01\0\0\0"[..]).unwrap();
    let empty_module = "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476";
    assert_eq!(module.sha256(), empty_module);
    assert_eq!(module.path(), format!("/filter/{empty_module}.wasm"));
}

#[test]
fn what_is_no_module_is_refused() {
    for wrong in [&b""[..], b"\0asm", b"\0asm\x02\0\0\0", b"\x7fELF\x02\x01\x01\0"] {
        assert_eq!(FilterModule::new(wrong), Err(NotWasm));
    }
}

#[test]
fn the_first_is_the_current_one_and_the_others_stay() {
    let (new, old) = (FilterModule::new(MODULE).unwrap(), FilterModule::new(PREAMBLE).unwrap());
    let modules = FilterModules::new(vec![new.clone(), old.clone()]).unwrap();
    assert_eq!(modules.current(), &new);
    assert_eq!((modules.get(new.sha256()), modules.get(old.sha256())), (Some(&new), Some(&old)));
    assert_eq!(modules.get("93a44b"), None);
    assert!(FilterModules::new(Vec::new()).is_none());
}

#[test]
fn what_is_for_a_wasm_plugin_is_served_and_never_the_current_one() {
    let caps = FilterModule::new([PREAMBLE, b"\x01\x16proxy_on_upstream_data\0\x07"].concat()).unwrap();
    let whole = FilterModule::new(MODULE).unwrap();
    let modules = FilterModules::new(vec![caps.clone(), whole.clone()]).unwrap();
    assert_eq!((modules.current(), modules.get(caps.sha256())), (&whole, Some(&caps)));
    assert!(FilterModules::new(vec![caps]).is_none());
}
