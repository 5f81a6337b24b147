#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "base/copy_tree.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/identity.h"
#include "images/archive/image_archive.h"
#include "images/archive/inflated_source.h"
#include "images/layer/layer_unpack.h"

namespace stack::images {

namespace {

Result<> unpack_plain(const ByteSource& source, const std::string& target) {
  TRY_ASSIGN(Fd to, open_file(target, O_RDONLY | O_DIRECTORY));
  TarReader reader(source);
  UnpackOptions options;
  options.whiteouts = false;
  return unpack_tar(reader, to.get(), options);
}

Result<> fill_layer(const std::string& path, const std::string& target) {
  TRY_ASSIGN(Fd from, open_file(path, O_RDONLY));
  struct stat info{};
  if (::fstat(from.get(), &info) != 0) return Error::last_errno("stat " + path);
  if (!S_ISDIR(info.st_mode)) {
    TRY_ASSIGN(ByteSource source, open_decompressed(from.get()));
    return unpack_plain(source, target);
  }
  TRY_ASSIGN(Fd to, open_file(target, O_RDONLY | O_DIRECTORY));
  return copy_tree(from.get(), to.get());
}

Result<Image> commit(ImageStore& store, StagedLayer staged, const ImportOptions& options,
                     const std::vector<Reference>& tags) {
  TRY_ASSIGN(LayerPin layer, store.commit_layer(std::move(staged)));
  ImageDocument document;
  document.architecture = options.architecture;
  document.created = rfc3339(std::chrono::system_clock::now());
  document.config = options.config;
  if (layer) document.diff_ids.push_back(layer->diff_id);
  document.history.push_back({document.created, "", options.comment, "", layer == nullptr});
  return store.create_image(document, tags);
}

}  // namespace

Result<Image> import_rootfs(ImageStore& store, const ByteSource& source, const ImportOptions& options,
                            const std::vector<Reference>& tags) {
  TRY_ASSIGN(StagedLayer staged, store.stage_layer());
  TRY_ASSIGN(ByteSource plain, inflated_source(source).in("import"));
  TRY(unpack_plain(plain, staged.directory()).in("import"));
  return commit(store, std::move(staged), options, tags);
}

Result<Image> import_path(ImageStore& store, const std::string& path, const ImportOptions& options,
                          const std::vector<Reference>& tags) {
  TRY_ASSIGN(StagedLayer staged, store.stage_layer());
  TRY(fill_layer(path, staged.directory()).in("import " + path));
  return commit(store, std::move(staged), options, tags);
}

ByteSource source_of(int fd) {
  return [fd](char* buffer, size_t size) -> Result<size_t> {
    for (;;) {
      ssize_t n = ::read(fd, buffer, size);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR) return Error::last_errno("read archive");
    }
  };
}

}  // namespace stack::images
