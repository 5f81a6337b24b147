#include "volumes/server_address.h"

#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <memory>

#include "base/text.h"

namespace stack::volumes {

namespace {

constexpr std::string_view kAddressKey = "addr=";

Result<std::string> resolve_server(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failed = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (failed != 0) return not_found("server " + name + ": " + ::gai_strerror(failed));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  std::array<char, NI_MAXHOST> text{};
  failed = ::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  if (failed != 0) return Error("server " + name + ": " + ::gai_strerror(failed));
  return std::string(text.data());
}

}  // namespace

bool needs_server_address(std::string_view type) {
  return type == "nfs" || type == "nfs4" || type == "cifs" || type == "smb3";
}

std::string server_of(std::string_view device) {
  if (device.starts_with("//") || device.starts_with("\\\\")) {
    device.remove_prefix(2);
    return std::string(device.substr(0, device.find_first_of("/\\")));
  }
  if (device.starts_with('[')) {
    size_t end = device.find("]:");
    return end == std::string_view::npos ? "" : std::string(device.substr(1, end - 1));
  }
  size_t colon = device.find(":/");
  return colon == std::string_view::npos ? "" : std::string(device.substr(0, colon));
}

Result<std::string> with_server_address(std::string_view device, std::string_view options) {
  std::vector<std::string> words = split(options, ',');
  std::erase(words, "");
  for (std::string& word : words) {
    if (!word.starts_with(kAddressKey)) continue;
    TRY_ASSIGN(std::string address, resolve_server(word.substr(kAddressKey.size())));
    word = std::string(kAddressKey) + address;
    return join(words, ",");
  }
  std::string server = server_of(device);
  if (server.empty())
    return invalid("device \"" + std::string(device) + "\" names no server; add addr=SERVER to the option \"o\"");
  TRY_ASSIGN(std::string address, resolve_server(server));
  words.push_back(std::string(kAddressKey) + address);
  return join(words, ",");
}

}  // namespace stack::volumes
