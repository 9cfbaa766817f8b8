use ferrolb_model::Family;

/// One of each family.
#[derive(Clone, Debug, Default)]
pub(crate) struct PerFamily<T> {
    v4: T,
    v6: T,
}

impl<T> PerFamily<T> {
    pub(crate) fn by(mut build: impl FnMut(Family) -> T) -> Self {
        Self { v4: build(Family::V4), v6: build(Family::V6) }
    }

    pub(crate) fn get(&self, family: Family) -> &T {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    pub(crate) fn get_mut(&mut self, family: Family) -> &mut T {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}
