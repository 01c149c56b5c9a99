//! An aggregate of many groups, for queries that have only one: it is the first of many. For those whose state is a list.

use arrow::array::{Array, ArrayRef, ListArray};
use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use std::sync::Arc;

pub(super) struct OneGroup(Box<dyn GroupsAccumulator + Sync>);

impl std::fmt::Debug for OneGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("one group")
    }
}

impl OneGroup {
    pub(super) fn of(many: Box<dyn GroupsAccumulator + Sync>) -> OneGroup {
        OneGroup(many)
    }

    /// Without any row there is a group all the same.
    fn touch(&mut self) -> Result<()> {
        let nothing = Arc::new(Field::new_list_field(DataType::Null, true));
        let none = ListArray::new_null(nothing, 0);
        self.0.merge_batch(&[Arc::new(none)], &[], 1)
    }

    fn first(array: &ArrayRef) -> Result<ScalarValue> {
        ScalarValue::try_from_array(array, 0)
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.0.update_batch(values, &groups, None, 1)
    }
    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.0.merge_batch(values, &groups, 1)
    }
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.touch()?;
        self.0.state(EmitTo::All)?.iter().map(OneGroup::first).collect()
    }
    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.touch()?;
        OneGroup::first(&self.0.evaluate(EmitTo::All)?)
    }
    fn size(&self) -> usize {
        self.0.size()
    }
}
