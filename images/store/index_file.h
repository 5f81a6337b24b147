// The store's own small documents: entries of index.json and descriptions of layers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "images/archive/tar_writer.h"
#include "images/store/image.h"
#include "images/store/ingest.h"

namespace stack::images {

inline constexpr const char* kReferenceAnnotation = "org.opencontainers.image.ref.name";
inline constexpr const char* kTimeAnnotation = "org.opencontainers.image.created";
inline constexpr const char* kIndexAnnotation = "io.stack.index.digest";

// A descriptor of the manifest or index in the file `path`; its size is 0 if the file cannot be read.
Json index_descriptor(const std::string& path, const std::string& digest);
// The same with the image's platform.
Json index_entry(const std::string& path, const std::string& digest, const ImageDocument& document);

// layers/<hex>.json.
std::string layer_description(const Layer& layer);
// nullopt if the text is not a description.
std::optional<Layer> parse_layer_description(std::string_view text);

// The OCI media type of a layer blob with this beginning.
std::string layer_media_type(std::string_view head);

// Decompresses the blob in the file `path` into the sink; returns the digest of the decompressed data.
Result<std::string> inflate_blob(const std::string& path, const ByteSink& sink);

// boot_id of proc_sys_kernel(5): distinguishes a reboot from a restart.
std::string current_boot_id();

}  // namespace stack::images
