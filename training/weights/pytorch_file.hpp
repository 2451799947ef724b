// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Checkpoints of PyTorch, as torch.save writes them from Python, without running anything that is in them (pickle.hpp).
   Two formats:

     from version 1.6   zip archive (zip_archive.hpp): <name>/data.pkl is the pickle, <name>/data/<key> are the
                        storages, <name>/byteorder is "little" where it is there
     before             four pickles: a magic number, the version 1001, a dictionary about the machine, the object; a
                        pickled list of keys; then for each key 8 bytes with the number of elements and the storage

   The object is a dictionary of tensors by name (a state dict) or a dictionary that has one, next to other things. */

#ifndef D2DET_TRAINING_PYTORCH_FILE_HPP
#define D2DET_TRAINING_PYTORCH_FILE_HPP

#include "weights/stored_tensor.hpp"

#include <string>
#include <vector>

namespace d2det
{

struct PyTorchFile
{
    std::vector<StoredTensor> tensors;    //!< with the names of the file, without prefixes that all of them have
    std::string section;                  //!< key of the state dict, e.g. "state_dict"; "" if it is the entire object
    std::vector<std::string> classNames;  //!< those of mmdetection (meta.CLASSES); empty if there are none
};

//! True if the first bytes are those of a zip archive or of a pickle.
bool isPyTorchFile(const std::string& path);

//! Reads the storages that the state dict needs. Throws Error, without the path.
PyTorchFile readPyTorchFile(const std::string& path);

}  // namespace d2det

#endif
