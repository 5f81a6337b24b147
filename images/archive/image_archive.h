// Images in and out of the store as files: `docker save`, `docker load`, `docker import`.
//
// An archive is a tar that is both an OCI image layout (oci-layout, index.json, blobs/sha256/) and Docker's form
// (manifest.json: a list of {"Config", "RepoTags", "Layers"}, members named by their path in the archive).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "images/archive/tar_reader.h"
#include "images/archive/tar_writer.h"
#include "images/store/store.h"

namespace stack::images {

// Writes the archive of these names or ids, both forms in one. Layers go out as they came in, compressed or not. Internal
// where something in the store turns out to be damaged: the archive then ends in the middle.
Result<> save_images(ImageStore& store, const std::vector<std::string>& names, const ByteSink& sink);

// Reads an archive of either form in one pass: layers are unpacked as they come, whatever their order. The whole may be
// compressed by gzip or zstd. Returns the images for this machine, tagged as the archive says;
// their repo_tags are the archive's alone. Invalid for what is no such
// archive, and for content that does not match its digest: then no image of it is stored.
Result<std::vector<Image>> load_images(ImageStore& store, const ByteSource& source);

// The image of an OCI image layout on disk that has this tag (annotation "org.opencontainers.image.ref.name") or digest; both
// "" = the first one for this machine. It gets no name.
Result<Image> load_layout(ImageStore& store, const std::string& directory, const std::string& tag,
                          const std::string& digest);

struct ImportOptions {
  ImageConfig config;
  std::string comment;  // of the one entry of the history
  std::string architecture = host_architecture();
};

// A root filesystem as a one-layer image: a tar stream, plain or compressed by gzip or zstd.
Result<Image> import_rootfs(ImageStore& store, const ByteSource& source, const ImportOptions& options,
                            const std::vector<Reference>& tags);

// The directory `path` (copied), or a tar file that may also be compressed by bzip2 or xz.
Result<Image> import_path(ImageStore& store, const std::string& path, const ImportOptions& options,
                          const std::vector<Reference>& tags);

// A file or a pipe as a source.
ByteSource source_of(int fd);

}  // namespace stack::images
