// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Pascal VOC: <annotation> with <filename>, <size> (<width>, <height>) and <object>s (<name>, <difficult>, <bndbox>
   with <xmin>, <ymin>, <xmax>, <ymax>), see the development kit of VOC 2007, section 5.

   Corners are pixels, counted from 1, both included: the box covers [xmin - 1, xmax] x [ymin - 1, ymax]. "difficult"
   objects count as crowds: not trained on, ignored in evaluation. "truncated", <part> and segmentation images are not
   read. The image is the one with the name of the XML file; <filename> counts where there is none. An image's size
   comes from its header where <size> has none.

   XML is parsed by pugixml, which builds no entities and works without recursion; files with a DOCTYPE, of more than 4
   MiB or with more than 64 levels are refused. */

#ifndef D2DET_TRAINING_VOC_READER_HPP
#define D2DET_TRAINING_VOC_READER_HPP

#include "dataset/dataset_finder.hpp"

namespace d2det
{

//! Throws std::runtime_error. Files that cannot be read become RawDataset::problems.
RawDataset readVoc(const DatasetFiles& files);

}  // namespace d2det

#endif
