function onLoad() {
    g_form.setValue('read_version', g_scratchpad.version);
    g_form.setDisplay('read_version', false);
}
