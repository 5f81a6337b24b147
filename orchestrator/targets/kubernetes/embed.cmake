# Writes the bytes of PROGRAM as a C++ source to OUTPUT.
file(READ ${PROGRAM} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," list "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n    " list "${list}")
file(WRITE ${OUTPUT} "#include \"orchestrator/targets/kubernetes/pod_program.h\"

namespace stack::targets::kubernetes {

std::string_view pod_program() {
  static constexpr unsigned char kBytes[] = {
    ${list}};
  return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes)};
}

}  // namespace stack::targets::kubernetes
")
