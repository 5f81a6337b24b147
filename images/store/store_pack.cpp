// Compresses layers created on this machine for registries. <root>/layers/<hex>.packed records the results:
// {"gzip": descriptor, "zstd": descriptor}.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/identity.h"
#include "images/archive/deflate.h"
#include "images/store/store_state.h"

namespace stack::images {

namespace {

const char* name_of(Compression compression) { return compression == Compression::Zstd ? "zstd" : "gzip"; }

Json read_packed(const Layer& layer) {
  Result<std::string> text = read_file(layer.directory + ".packed");
  Json json = text ? parse_json(*text).value_or(Json::object()) : Json::object();
  return json.is_object() ? json : Json::object();
}

std::optional<BlobDescriptor> known_blob(const Layer& layer, Compression compression) {
  Json all = read_packed(layer);
  auto found = all.find(name_of(compression));
  if (found == all.end()) return std::nullopt;
  Result<BlobDescriptor> blob = parse_descriptor(*found);
  return blob ? std::optional(std::move(*blob)) : std::nullopt;
}

}  // namespace

Result<> ImageStore::State::write_packed_stream(const Layer& layer, Compression compression,
                                                const ByteSink& sink) const {
  TRY_ASSIGN(std::unique_ptr<Deflater> deflater, make_deflater(compression));
  TRY(write_layer_tar_stream(layer, [&](std::string_view bytes) { return deflater->push(bytes, sink); }));
  return deflater->finish(sink);
}

std::optional<Compression> ImageStore::State::packed_as(const Layer& layer, const std::string& digest) {
  for (Compression compression : {Compression::Gzip, Compression::Zstd})
    if (auto blob = known_blob(layer, compression); blob && blob->digest == digest) return compression;
  return std::nullopt;
}

Result<BlobDescriptor> ImageStore::State::pack_layer(const Layer& layer, Compression compression) const {
  std::optional<BlobDescriptor> known = known_blob(layer, compression);
  if (known && path_exists(blob_path(known->digest))) return std::move(*known);
  std::string temporary = staging_path() + "/blob-" + random_hex(8);
  TRY_ASSIGN(Fd file, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0444));
  BlobDescriptor blob{std::string(kOciLayerType) + "+" + name_of(compression), "", 0};
  Sha256 digest;
  Result<> done = write_packed_stream(layer, compression, [&](std::string_view bytes) {
    digest.update(bytes);
    blob.size += static_cast<int64_t>(bytes.size());
    return write_all(file.get(), bytes);
  });
  blob.digest = "sha256:" + digest.finish_hex();
  if (done && ::rename(temporary.c_str(), blob_path(blob.digest).c_str()) != 0)
    done = Error::last_errno("publish blob");
  if (done && (!known || !(*known == blob))) {
    Json all = read_packed(layer);
    all[name_of(compression)] = to_json(blob);
    done = write_file_atomic(layer.directory + ".packed", to_text(all));
  }
  if (!done) {
    ::unlink(temporary.c_str());
    return std::move(done).error();
  }
  return blob;
}

Result<StoredManifest> ImageStore::pack(std::string_view name, Compression compression) {
  TRY_ASSIGN(StoredManifest stored, manifest_of(name));
  TRY_ASSIGN(Image image, resolve(name));
  TRY_ASSIGN(std::vector<LayerPin> pins, pin_layers(image));
  std::vector<BlobPin> blobs;
  Json layers = Json::array();
  bool changed = false;
  for (size_t i = 0; i < stored.manifest.layers.size(); ++i) {
    const Layer& layer = *pins.at(i);
    BlobDescriptor blob = stored.manifest.layers[i];
    if (blob.digest == layer.diff_id && layer.blob.empty()) {
      TRY_ASSIGN(blob, state_->pack_layer(layer, compression));
      changed = true;
    } else if (std::optional<Compression> packed = State::packed_as(layer, blob.digest)) {
      TRY(state_->pack_layer(layer, *packed));  // collected meanwhile
    }
    std::lock_guard guard(state_->mutex);
    blobs.push_back(state_->pin_blob(blob.digest));
    layers.push_back(to_json(blob));
  }
  if (!changed) return stored;
  TRY_ASSIGN(Json manifest, parse_json(stored.text));
  manifest["layers"] = std::move(layers);
  std::string text = to_text(manifest);
  std::string digest = "sha256:" + sha256_hex(text);
  TRY_ASSIGN(BlobPin pin, put_blob(digest, text));
  Result<Reference> reference = parse_reference(name);
  bool by_name = reference && reference->digest.empty() && [&] {
    std::lock_guard guard(state_->mutex);
    return state_->names.contains(*reference);
  }();
  TRY_ASSIGN(Image made, add_image({digest, ""},
                                   by_name ? std::vector<Reference>{*reference} : std::vector<Reference>{}));
  StoredManifest out;
  out.text = std::move(text);
  TRY_ASSIGN(out.manifest, parse_image_manifest(out.text));
  out.descriptor = {out.manifest.media_type, digest, static_cast<int64_t>(out.text.size())};
  return out;
}

}  // namespace stack::images
