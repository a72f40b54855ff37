"""What Orkes' edition of Conductor adds to the API: one module for each concept, with its service and its routes."""
