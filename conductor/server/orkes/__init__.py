"""The additions of Orkes' edition to the API: one module for each concept, with its service and its routes."""
