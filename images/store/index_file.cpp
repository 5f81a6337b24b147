#include "images/store/index_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "base/files.h"
#include "base/identity.h"
#include "base/text.h"
#include "images/archive/inflate.h"

namespace stack::images {

namespace {

std::string media_type_in(const std::string& path) {
  Result<std::string> text = read_file(path, kLargestDocument);
  Result<Json> json = text ? parse_json(*text) : Result<Json>(text.error());
  if (!json) return kOciManifestType;
  return string_or(*json, "mediaType", is_image_index(*json) ? kOciIndexType : kOciManifestType);
}

// File names are bytes and JSON strings are Unicode, so file names are stored as hexadecimal digits.
std::string hex_text(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string text_of_hex(std::string_view digits) {
  std::string out;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned byte = 0;
    auto [end, error] = std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
    if (error != std::errc() || end != digits.data() + i + 2) return {};
    out += static_cast<char>(byte);
  }
  return out;
}

}  // namespace

Json index_descriptor(const std::string& path, const std::string& digest) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) info.st_size = 0;
  return to_json(BlobDescriptor{media_type_in(path), digest, info.st_size});
}

Json index_entry(const std::string& path, const std::string& digest, const ImageDocument& document) {
  Json entry = index_descriptor(path, digest);
  entry["platform"] = {{"architecture", document.architecture}, {"os", document.os}};
  if (!document.variant.empty()) entry["platform"]["variant"] = document.variant;
  return entry;
}

std::string layer_description(const Layer& layer) {
  Json out = {{"size", layer.size}, {"tar_size", layer.tar_size}};
  if (!layer.blob.empty()) out["blob"] = layer.blob;
  if (!layer.implied_directories.empty()) {
    Json names = Json::array();
    for (const std::string& name : layer.implied_directories) names.push_back(hex_text(name));
    out["implied_directories"] = std::move(names);
  }
  return to_text(out);
}

std::optional<Layer> parse_layer_description(std::string_view text) {
  Result<Json> json = parse_json(text);
  if (!json || !json->is_object() || !json->contains("size")) return std::nullopt;
  Layer layer;
  layer.size = int_or(*json, "size");
  layer.tar_size = int_or(*json, "tar_size");
  layer.blob = string_or(*json, "blob");
  if (!layer.blob.empty() && !is_sha256_digest(layer.blob)) return std::nullopt;
  auto names = json->find("implied_directories");
  if (names != json->end() && names->is_array())
    for (const Json& name : *names)
      if (name.is_string()) layer.implied_directories.push_back(text_of_hex(name.get<std::string>()));
  return layer;
}

std::string layer_media_type(std::string_view head) {
  const char* suffix = compression_of(head) == Compression::Gzip   ? "+gzip"
                       : compression_of(head) == Compression::Zstd ? "+zstd"
                                                                   : "";
  return std::string(kOciLayerType) + suffix;
}

Result<std::string> inflate_blob(const std::string& path, const ByteSink& sink) {
  TRY_ASSIGN(Fd file, open_file(path, O_RDONLY));
  Sha256 digest;
  ByteSink hashed = [&](std::string_view bytes) {
    digest.update(bytes);
    return sink ? sink(bytes) : Result<>();
  };
  std::unique_ptr<Inflater> inflater;
  std::string buffer(size_t{1} << 20, '\0');
  for (;;) {
    ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0) return Error::last_errno("read " + path);
    std::string_view bytes(buffer.data(), static_cast<size_t>(n));
    if (!inflater) {
      TRY_ASSIGN(inflater, make_inflater(bytes));
    }
    if (n == 0) break;
    TRY(inflater->push(bytes, hashed));
  }
  TRY(inflater->finish());
  return "sha256:" + digest.finish_hex();
}

std::string current_boot_id() {
  Result<std::string> text = read_file("/proc/sys/kernel/random/boot_id");
  return text ? std::string(trim(*text)) : std::string();
}

}  // namespace stack::images
