#include "images/builder/worker/foreign_platform.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/directory.h"
#include "base/files.h"
#include "base/text.h"

namespace stack::builder {

namespace {

// What distinguishes the executables of an architecture (elf(5): EI_CLASS, EI_DATA, e_machine).
struct ElfKind {
  const char* architecture;
  unsigned char elf_class;  // 1: 32 bits, 2: 64 bits
  bool big_endian;
  unsigned machine;
};
constexpr ElfKind kElfKinds[] = {
    {"amd64", 2, false, 62},    {"386", 1, false, 3},       {"arm64", 2, false, 183},
    {"arm", 1, false, 40},      {"riscv64", 2, false, 243}, {"ppc64le", 2, false, 21},
    {"ppc64", 2, true, 21},     {"s390x", 2, true, 22},     {"mips", 1, true, 8},
    {"mipsle", 1, false, 8},    {"mips64", 2, true, 8},     {"mips64le", 2, false, 8},
    {"loong64", 2, false, 258},
};

constexpr size_t kHeaderSize = 20;
using ElfHeader = std::array<unsigned char, kHeaderSize>;

std::optional<ElfHeader> header_of(const std::string& architecture) {
  for (const ElfKind& kind : kElfKinds) {
    if (architecture != kind.architecture) continue;
    ElfHeader out{0x7f, 'E', 'L', 'F', kind.elf_class, static_cast<unsigned char>(kind.big_endian ? 2 : 1),
                  1};
    auto high = static_cast<unsigned char>(kind.machine >> 8);
    auto low = static_cast<unsigned char>(kind.machine & 0xff);
    out[16] = kind.big_endian ? 0 : 2;  // ET_EXEC
    out[17] = kind.big_endian ? 2 : 0;
    out[18] = kind.big_endian ? high : low;
    out[19] = kind.big_endian ? low : high;
    return out;
  }
  return std::nullopt;
}

std::string bytes_of_hex(std::string_view digits) {
  std::string out;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned byte = 0;
    auto [end, problem] = std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
    if (problem != std::errc() || end != digits.data() + i + 2) return {};
    out += static_cast<char>(byte);
  }
  return out;
}

// One registration: lines such as "enabled", "interpreter /usr/bin/qemu-aarch64-static", "flags: OCF", "offset 0",
// "magic 7f45...", "mask ffff...".
struct Registration {
  bool enabled = false;
  std::string interpreter;
  std::string flags;
  std::string magic;
  std::string mask;
  std::string offset = "0";

  bool matches(const ElfHeader& header) const {
    if (magic.empty() || magic.size() > header.size() || offset != "0") return false;
    for (size_t i = 0; i < magic.size(); ++i) {
      auto bits = static_cast<unsigned char>(i < mask.size() ? mask[i] : '\xff');
      if ((header[i] & bits) != (static_cast<unsigned char>(magic[i]) & bits)) return false;
    }
    return true;
  }
};

Registration parse_registration(const std::string& text) {
  Registration out;
  for (const std::string& line : split(text, '\n')) {
    if (line == "enabled") out.enabled = true;
    if (line.starts_with("interpreter ")) out.interpreter = line.substr(12);
    if (line.starts_with("flags: ")) out.flags = line.substr(7);
    if (line.starts_with("offset ")) out.offset = line.substr(7);
    if (line.starts_with("magic ")) out.magic = bytes_of_hex(std::string_view(line).substr(6));
    if (line.starts_with("mask ")) out.mask = bytes_of_hex(std::string_view(line).substr(5));
  }
  return out;
}

Error cannot_run(const images::Platform& platform, const std::string& reason) {
  return unsupported("this machine (" + platform_text(images::host_platform()) +
                     ") cannot run programs for " + platform_text(platform) + ": " + reason +
                     "; install qemu-user-static and binfmt-support, or build on a machine of this platform");
}

}  // namespace

Result<> check_executable(const images::Platform& platform, const std::string& registrations) {
  if (platform.architecture == images::host_platform().architecture) return {};
  std::optional<ElfHeader> header = header_of(platform.architecture);
  if (!header) return cannot_run(platform, "unknown architecture");
  if (!path_exists(registrations + "/register")) return cannot_run(platform, "binfmt_misc is not mounted");
  std::string reason = "no emulator is registered with binfmt_misc";
  TRY_ASSIGN(std::vector<std::string> names, names_in(registrations));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (name == "register" || name == "status") continue;
    Registration one = parse_registration(read_file(registrations + "/" + name).value_or(""));
    if (!one.matches(*header)) continue;
    bool fixed = one.flags.find('F') != std::string::npos;
    if (one.enabled && fixed) return {};
    reason = one.enabled ? "its emulator " + one.interpreter +
                               " is registered without the flag F, so containers do not have it"
                         : "its emulator " + one.interpreter + " is disabled";
  }
  return cannot_run(platform, reason);
}

}  // namespace stack::builder
