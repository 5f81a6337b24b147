// Images in and out of the store as files: `docker save`, `docker load`, `docker import`.
//
// An archive is a tar that is both an OCI image layout (oci-layout, index.json, blobs/sha256/) and Docker's form
// (manifest.json: a list of {"Config", "RepoTags", "Layers"}, members named by their path in the archive).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "images/archive/tar_reader.h"
#include "images/archive/tar_writer.h"
#include "images/store/store.h"

namespace stack::images {

// Writes the archive of these names or ids, both forms in one. Layers are written as they were received, compressed
// or not. Internal if something in the store is damaged: the archive then ends in the middle.
Result<> save_images(ImageStore& store, const std::vector<std::string>& names, const ByteSink& sink);

// Reads an archive of either form in one pass: layers are unpacked as they arrive, in any order. The archive may be
// compressed with gzip or zstd. Returns the images for this machine, tagged as in the archive; their repo_tags are
// only those of the archive. Invalid if the input is not such an archive, or if content does not match its digest:
// then none of its images is stored.
Result<std::vector<Image>> load_images(ImageStore& store, const ByteSource& source);

// The image of an OCI image layout on disk that has this tag (annotation "org.opencontainers.image.ref.name") or
// digest; if both are "", the first one for this machine. The image gets no name.
Result<Image> load_layout(ImageStore& store, const std::string& directory, const std::string& tag,
                          const std::string& digest);

// The same image without its layers, which are read one by one. Nothing is stored before load_layout_layer().
struct LayoutImage {
  std::string directory;
  std::string digest;  // of its manifest
  std::string config;  // the exact bytes
  std::map<std::string, BlobDescriptor> layers;  // by diff id
};
Result<LayoutImage> find_in_layout(const std::string& directory, const std::string& tag, const std::string& digest);
// Stores one of its layers. Conflict while another thread stores the same blob.
Result<LayerPin> load_layout_layer(ImageStore& store, const LayoutImage& image, const std::string& diff_id);

struct ImportOptions {
  ImageConfig config;
  std::string comment;  // of the single history entry
  std::string architecture = host_architecture();
};

// A root filesystem as a one-layer image: a tar stream, plain or compressed with gzip or zstd.
Result<Image> import_rootfs(ImageStore& store, const ByteSource& source, const ImportOptions& options,
                            const std::vector<Reference>& tags);

// The directory `path` (copied), or a tar file that may also be compressed with bzip2 or xz.
Result<Image> import_path(ImageStore& store, const std::string& path, const ImportOptions& options,
                          const std::vector<Reference>& tags);

// A file or a pipe as a source.
ByteSource source_of(int fd);

}  // namespace stack::images
