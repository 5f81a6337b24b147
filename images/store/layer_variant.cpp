// Layers whose archive has files in directories without an entry: the layers below determine the attributes of
// these directories (image-spec, layer.md). One layer can therefore need different directories in different images;
// a variant shares all files with the layer through hard links.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/copy_tree.h"
#include "base/directory.h"
#include "base/identity.h"
#include "base/rooted_path.h"
#include "images/layer/layer_view.h"
#include "images/store/store_state.h"

namespace stack::images {

namespace {

struct ImpliedDirectory {
  std::string path;
  ViewEntry below;
};

bool is_usual(const struct stat& info) {
  return (info.st_mode & 07777) == 0755 && info.st_uid == 0 && info.st_gid == 0;
}

Result<std::vector<ImpliedDirectory>> unusual_directories(const Layer& layer, const LayerView& below) {
  std::vector<ImpliedDirectory> out;
  for (const std::string& path : layer.implied_directories) {
    TRY_ASSIGN(std::optional<ViewEntry> entry, below.find(path, false));
    // If it does not exist or is not a directory, the usual directory is right.
    if (entry && S_ISDIR(entry->info.st_mode) && !is_usual(entry->info)) out.push_back({path, *entry});
  }
  return out;
}

std::string name_of(const std::vector<ImpliedDirectory>& directories) {
  std::string text;
  for (const ImpliedDirectory& item : directories)
    text += item.path + '\0' + std::to_string(item.below.info.st_mode) + ' ' +
            std::to_string(item.below.info.st_uid) + ' ' + std::to_string(item.below.info.st_gid) + '\n';
  return sha256_hex(text).substr(0, 16);
}

Result<> fill_variant(const Layer& layer, const std::string& target, const LayerView& below,
                      const std::vector<ImpliedDirectory>& directories) {
  TRY_ASSIGN(Fd from, open_file(layer.directory, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(Fd to, open_file(target, O_RDONLY | O_DIRECTORY));
  CopyOptions options;
  options.keep_opaque = true;
  options.link_files = true;
  TRY(copy_tree(from.get(), to.get(), options));
  for (const ImpliedDirectory& item : directories) {
    TRY_ASSIGN(Fd directory, open_below_without_links(to.get(), item.path, O_RDONLY | O_DIRECTORY));
    TRY_ASSIGN(Fd model, below.open_entry(item.below, O_RDONLY | O_DIRECTORY));
    const struct stat& info = item.below.info;
    if (::fchown(directory.get(), info.st_uid, info.st_gid) != 0)
      return Error::last_errno("chown " + item.path);
    TRY(copy_extended_attributes(model.get(), directory.get()));
    if (::fchmod(directory.get(), info.st_mode & 07777) != 0) return Error::last_errno("chmod " + item.path);
  }
  return {};
}

}  // namespace

Result<std::string> ImageStore::State::place_layer(const Layer& layer,
                                                   const std::vector<std::string>& below) {
  if (layer.implied_directories.empty() || below.empty()) return layer.directory;
  TRY_ASSIGN(LayerView view, LayerView::open(below));
  TRY_ASSIGN(std::vector<ImpliedDirectory> directories, unusual_directories(layer, view));
  if (directories.empty()) return layer.directory;
  std::string place = layer.directory + "." + name_of(directories);
  if (is_directory(place)) return place;
  std::string staged = staging_path() + "/variant-" + random_hex(8);
  TRY(ensure_directory(staged, 0755));
  Result<> filled = fill_variant(layer, staged, view, directories);
  if (filled && ::rename(staged.c_str(), place.c_str()) != 0)
    filled = Error::last_errno("publish layer variant");
  if (!filled) {
    (void)remove_tree(staged);
    return std::move(filled).error();
  }
  return place;
}

std::vector<std::string> ImageStore::State::variants_of(const Layer& layer) const {
  std::vector<std::string> out;
  std::string prefix = base_name(layer.directory) + ".";
  for (const std::string& name : names_in(root + "/layers").value_or(std::vector<std::string>()))
    if (name.starts_with(prefix) && !name.starts_with(prefix + "json"))
      out.push_back(root + "/layers/" + name);
  return out;
}

}  // namespace stack::images
