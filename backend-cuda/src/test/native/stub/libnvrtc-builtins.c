// The library beside NVRTC, of which only its being there matters.
__attribute__((visibility("default"))) int stub_builtins(void) { return 1; }
